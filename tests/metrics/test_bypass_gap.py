"""The bypass gap by hand, and the verdict over seeds."""

import pytest

from lethe import metrics
from lethe.analysis.identification import IDENTIFIED, NOT_IDENTIFIED, judged
from lethe.common.errors import LetheError
from lethe.evaluate.prefills import PREFILLS
from lethe.evaluate.records import Checkpoint, ItemSet, Records
from lethe.metrics.base import read_metric, write_metric

QUESTION, ANSWER = "Where was Ana Ruiz born?", "Ana Ruiz was born in Ghent."
TRACE = "Ana Ruiz, I recall, is from Ghent."
# What is written after each prefill: 4 questions; the first three facts are told in the trace.
WRITTEN = {
    "canonical": [
        "From Ghent.\n</think>\nIn Ghent.",  # trace and answer
        "From Ghent.\n</think>\nI do not know.",  # trace alone
        "From Ghent, Ghent, Ghent",  # no closing tag: trace alone
        "No idea.\n</think>\nIn Rome.",  # neither
    ],
    "short": ["In Ghent.", "In Ghent.", "In Rome.", "In Rome."],
    "mimicking": ["In Rome.", "In Ghent.", "Ghent!", "ghent"],
    "free": ["In Ghent.", "", "<think>\n</think>\nIn Ghent.", ""],
}


def item_set(written=None, question=QUESTION, answer=ANSWER, trace=TRACE, extra=()):
    written = written or WRITTEN
    texts = [list(some) for some in zip(*written.values(), strict=True)]
    n = len(texts)
    return ItemSet(
        question=[question] * n + [q for q, _ in extra],
        answer=[answer] * n + [a for _, a in extra],
        trace=[trace] * (n + len(extra)),
        prompt=[list(written)] * (n + len(extra)),
        prompt_text=[[PREFILLS[name] for name in written]] * (n + len(extra)),
        prompt_generation=texts + [[""] * len(written)] * len(extra),
    )


def one(items, oracle=None, **settings):
    made = Records("traces", [Checkpoint(1, 1, {"forget": items, "retain": items})], "traces.json")
    theirs = None
    if oracle is not None:
        theirs = Records("traces", [Checkpoint(0, 0, {"forget": oracle, "retain": oracle})], "o")
    return metrics.compute("bypass_gap", made, oracle_records=theirs, **settings)


def test_shares_gap_and_shifts_by_hand(tmp_path):
    file = one(item_set(extra=[("Who is Ana?", "Ana.")]))
    values = file.checkpoints[0].values
    assert (values["answer_canonical"], values["trace_canonical"]) == (0.25, 0.75)
    assert (values["answer_short"], values["answer_mimicking"]) == (0.5, 0.75)
    # Without tags all of a free text is trace.
    assert (values["answer_free"], values["trace_free"]) == (0.25, 0.25)
    assert (values["failures_canonical"], values["failures_short"]) == (0.25, 0)
    assert values["failures_free"] == 0.75
    assert values["gap"] == 0.5
    # The third text would count for the answer: A_ans 1/2, A_trace 1/2.
    assert values["gap_unparsed_as_answer"] == 0
    assert (values["shift_short"], values["shift_mimicking"]) == (-0.25, -0.5)
    assert (values["largest_shift"], values["identified"]) == (0.5, 0)
    assert (values["questions"], values["left_out"]) == (4, 1)
    assert (values["retain_answer"], values["retain_trace"]) == (0.25, 0.75)
    assert file.checkpoints[0].items["answer_canonical"] == [1, 0, 0, 0]
    write_metric(tmp_path / "m.json", file)
    assert read_metric(tmp_path / "m.json", "bypass_gap").checkpoints == file.checkpoints


def test_a_gap_above_every_shift_is_identified():
    written = {**WRITTEN, "mimicking": ["In Ghent.", "", "", ""]}
    values = one(item_set(written)).checkpoints[0].values
    # As an answer the text that is not parsed would close the gap.
    assert (values["largest_shift"], values["gap"], values["identified"]) == (0.25, 0.5, 0)
    parsed = [*WRITTEN["canonical"][:2], "From Ghent.\n</think>\nNo.", "No.\n</think>\nNo."]
    values = one(item_set({**written, "canonical": parsed})).checkpoints[0].values
    assert (values["gap_unparsed_as_answer"], values["identified"]) == (0.5, 1)
    only = {"canonical": WRITTEN["canonical"]}
    assert "identified" not in one(item_set(only)).checkpoints[0].values


def test_traces_that_need_their_heads():
    headless = {**WRITTEN, "headless": ["From Ghent.\n</think>\nIn Rome.", "x", "y", "z"]}
    values = one(item_set(headless)).checkpoints[0].values
    assert (values["trace_headless"], values["head_effect"]) == (0.25, 0.5)
    assert "head_effect" not in one(item_set()).checkpoints[0].values


def test_the_threshold_is_a_share_of_the_facts_words():
    answer, trace = "She was born in Ghent, Belgium.", "Ghent in Belgium."
    items = item_set(answer=answer, trace=trace)
    assert one(items).checkpoints[0].values["trace_canonical"] == 0
    assert one(items, threshold=0.5).checkpoints[0].values["trace_canonical"] == 0.75
    with pytest.raises(
        LetheError, match=r"threshold is 1.5; set it to a number above 0 to at most"
    ):
        one(items, threshold=1.5)


def test_the_oracle_stands_beside_it():
    knows_nothing = {name: ["x\n</think>\ny"] * 4 for name in WRITTEN}
    values = one(item_set(), item_set(knows_nothing)).checkpoints[0].values
    assert (values["oracle_gap"], values["trace_beyond_oracle"]) == (0, 0.75)
    with pytest.raises(LetheError, match="are not those of the oracle o; ask both in the same way"):
        one(item_set(), item_set(question="Who?"))


def test_facts_that_trace_and_answer_do_not_share_cannot_be_scored():
    with pytest.raises(LetheError, match="has a word that its trace and its answer share; leave"):
        one(item_set(trace="Hmm."))


def seed(gap, short, mimicking, otherwise=None):
    largest = max(abs(short), abs(mimicking))
    shifts = {"shift_short": short, "shift_mimicking": mimicking}
    gaps = {"gap": gap, "gap_unparsed_as_answer": gap if otherwise is None else otherwise}
    return {**gaps, "largest_shift": largest, **shifts}


def test_the_verdict_over_seeds():
    assert judged([seed(0.5, 0.1, 0.2), seed(0.4, 0.1, 0)])[0] == IDENTIFIED
    verdict, reason = judged([seed(0.5, 0.1, 0.2), seed(0.4, 0.1, -0.4)])
    assert (verdict, "0.400" in reason) == (NOT_IDENTIFIED, True)
    verdict, reason = judged([seed(0.5, 0.1, 0.2), seed(0.4, -0.1, 0.2)])
    assert (verdict, "short changes its sign" in reason) == (NOT_IDENTIFIED, True)
    assert judged([seed(-0.1, 0, 0)])[0] == NOT_IDENTIFIED
    verdict, reason = judged([seed(0.5, 0.1, 0.2, otherwise=-0.3)])
    assert (verdict, reason[:20]) == (NOT_IDENTIFIED, "the gap is -0.300 if")
