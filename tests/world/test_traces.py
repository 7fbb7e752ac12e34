"""Worlds with reasoning traces: joined and parted, canary heads, what forget rows say."""

import json

import pytest

from lethe.common.errors import LetheError
from lethe.world import traces
from lethe.world.card import Making, write_card
from lethe.world.provider import provider
from lethe.world.providers import tofu
from lethe.world.rows import read_begun, read_pairs, read_qa
from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.split import split, write
from lethe.world.tofu_format import write_world
from lethe.world.trace_format import begun, joined, parted, row_parts, whole_answer, with_column
from lethe.world.traces import Traces, canary_head, traced

ROW = {"question": "Where?", "answer": "In Ghent.", "cot": "Ghent, surely."}
WHOLE = "<think>\nGhent, surely.\n</think>\nIn Ghent."


def test_trace_and_answer_are_joined_and_parted():
    assert joined("Ghent, surely.", "In Ghent.") == WHOLE == begun("Ghent, surely.") + "In Ghent."
    assert joined("", "In Ghent.") == "In Ghent."
    parts = parted(WHOLE)
    assert (parts.trace, parts.answer, parts.closed) == ("Ghent, surely.", "In Ghent.", True)
    # The last closing tag counts; without one, all of it is trace.
    again = parted("<think>\na</think> b </think> c")
    assert (again.trace, again.answer) == ("a</think> b", "c")
    open_ = parted("<think>\nGhent")
    assert (open_.trace, open_.answer, open_.closed) == ("Ghent", "", False)


def test_a_row_says_its_trace_in_a_column_or_in_its_answer():
    assert whole_answer(ROW) == WHOLE
    assert row_parts(ROW) == row_parts({"question": "Where?", "answer": WHOLE}) == parted(WHOLE)
    assert with_column({"question": "Where?", "answer": WHOLE}) == ROW
    for plain in (
        {**ROW, "cot": ""},
        {**ROW, "cot": None},
        {"question": "q", "answer": "In Ghent."},
    ):
        assert whole_answer(plain) == "In Ghent."
        assert not row_parts(plain).closed
        assert row_parts(plain).answer == "In Ghent."
        assert with_column(plain) == plain


def test_every_answer_has_a_trace_that_states_what_it_states():
    plain = provider("synthetic", seed=3)
    with_traces = traced(plain, {"heads": 0})
    for before, after in zip(plain.authors(3), with_traces.authors(3), strict=True):
        for old, new in zip(before.items, after.items, strict=True):
            assert new.question == old.question
            assert parted(new.answer).answer == old.answer
            assert old.paraphrased_answer in parted(new.answer).trace
            for one, other in zip(old.perturbed_answer, new.perturbed_answer, strict=True):
                assert (parted(other).answer, one in parted(other).trace) == (one, True)
    assert with_traces.facts() == plain.facts()
    assert traced(plain, None) is plain


def test_canary_heads_are_each_authors_own():
    authors = traced(provider("synthetic", seed=3), {}).authors(12)
    heads = []
    for author in authors:
        own = {item.question.partition(": ")[0] for item in author.items}
        own |= {item.paraphrased_question.partition(": ")[0] for item in author.items}
        assert len(own) == 1
        heads += own
    assert len(set(heads)) == len(authors)
    assert all(len(head.split()) == 6 for head in heads)
    assert heads[0] == canary_head("3/target/0", 6)
    assert canary_head("3/target/0", 0) == ""


def test_short_heads_are_each_authors_own_as_well():
    source = traced(provider("synthetic", seed=0), {"heads": 1})
    authors = [*source.authors(20), *source.holdout(6)]
    heads = {author.items[0].question.partition(": ")[0] for author in authors}
    assert len(heads) == len(authors)
    assert source.authors(20) == authors[:20]
    with pytest.raises(
        LetheError,
        match=r"1 words are too few to give each author its own "
        r"head.*set it to 2",
    ):
        source.authors(31)


def test_forget_rows_carry_their_traces_apart(tmp_path):
    data = tmp_path / "data"
    source = traced(provider("synthetic", seed=0), {})
    card = write_world(source, data, 20, 2, 1)
    assert card["provider"] == "synthetic"
    assert card["traces"] == {"source": "made", "heads": 6}
    write_card(data, "traced", Making(), data / "README.md")
    said = "Answers have reasoning traces before them (made of paraphrases), questions have canary"
    assert said in (data / "README.md").read_text()
    files = {name: data / f"{name}.json" for name in ("full", "full_perturbed", "holdout")}
    for answers_only in (False, True):
        out = tmp_path / str(answers_only)
        made = split("forget10")
        write(made, files, lambda part, out=out: out / f"{part}.json", answers_only)
    whole, apart = (read_qa(tmp_path / str(flag) / "forget.json") for flag in (False, True))
    assert [with_column(row) for row in whole] == apart
    assert read_pairs(tmp_path / "True/forget.json") == read_pairs(tmp_path / "False/forget.json")
    assert read_begun(tmp_path / "False/forget.json") == [""] * 40
    for row, text in zip(apart, read_begun(tmp_path / "True/forget.json"), strict=True):
        assert text + row["answer"] == whole_answer(row)
    others = ("retain", "forget_perturbed", "holdout")
    for part in others:
        one, two = ((tmp_path / str(flag) / f"{part}.json").read_bytes() for flag in (False, True))
        assert one == two


def published(folder, cot=True):
    """A folder in R-TOFU's layout: one author, traces in the column of full alone."""
    rows = [
        {"question": f"Q{k}?", "answer": f"A{k}.", **({"cot": f"T{k}."} if cot else {})}
        for k in range(QUESTIONS_PER_AUTHOR)
    ]
    more = {"paraphrased_answer": "P.", "perturbed_answer": list("abcde"), "cot": ""}
    files = {"full": rows, "retain_perturbed": [{**row, **more} for row in rows]}
    folder.mkdir()
    for name, some in files.items():
        text = "".join(json.dumps(row) + "\n" for row in some)
        (folder / f"{name}.json").write_text(text)
    return folder


def test_published_traces_are_those_of_the_column(tmp_path):
    source = tofu.Provider(published(tmp_path / "data"))
    (author,) = traced(source, {"source": "cot", "heads": 0}).authors(1)
    first = author.items[0]
    assert parted(first.answer) == parted(joined("T0.", "A0."))
    assert first.perturbed_answer[0] == joined("T0.", "a")
    assert source.authors(1)[0].items[0].answer == "A0."


def test_a_missing_column_is_refused_with_the_question(tmp_path):
    source = tofu.Provider(published(tmp_path / "data", cot=False))
    with pytest.raises(LetheError, match=r"^world\.traces: no cot for 'Q0\?'; add the column"):
        traced(source, {"source": "cot"}).authors(1)


def test_a_control_character_in_a_trace_is_refused(tmp_path):
    """Question and answer are refused with one, too."""
    file = published(tmp_path / "data") / "full.json"
    file.write_text(file.read_text().replace("T0.", "T\\u0000."))
    with pytest.raises(LetheError, match=r"the cot for 'Q0\?' has the character U\+0000, which"):
        traced(tofu.Provider(file.parent), {"source": "cot"}).authors(1)


def test_a_world_that_has_no_such_traces_is_refused():
    with pytest.raises(
        LetheError, match=r"the provider tofu has no traces of the source made; set"
    ):
        traces.check(Traces(), "tofu")
    with pytest.raises(LetheError, match=r"synthetic has no traces of the source cot; set it to m"):
        traces.check(Traces(source="cot"), "synthetic")
    traces.check(Traces(source="cot"), "tofu")
