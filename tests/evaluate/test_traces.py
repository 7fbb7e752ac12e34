"""The suite of reasoning traces: prefills, what is recorded, what is refused."""

import pytest

from lethe.common.errors import LetheError
from lethe.evaluate import prefills, suite
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.model.generate import greedy
from lethe.world.trace_format import joined, parted
from lethe.world.traces import without_head


@pytest.fixture(scope="module")
def rows(pairs):
    some = [{"question": q, "answer": a, "cot": f"Hmm. {a}"} for q, a in pairs[:4]]
    whole = [{"question": q, "answer": joined("So.", a)} for q, a in pairs[4:6]]
    return {"forget": some, "retain": whole}


def asked(model, encoder, rows, limits=None, **settings):
    evaluation = Evaluation("traces", encoder, rows, limits or Limits(96, 12), settings=settings)
    return evaluation(model)


def test_each_question_is_continued_after_each_prefill(model, encoder, rows, tmp_path):
    point = asked(model, encoder, rows)
    items = point.sets["forget"]
    # Questions without a head cannot be put without it.
    assert items.prompt == [list(prefills.PREFILLS)[:-1]] * 4
    assert items.answer == [row["answer"] for row in rows["forget"]]
    assert items.trace == [row["cot"] for row in rows["forget"]]
    assert point.sets["retain"].trace == ["So.", "So."]
    question = rows["forget"][1]["question"]
    for name, text, written in zip(
        items.prompt[1], items.prompt_text[1], items.prompt_generation[1], strict=True
    ):
        prompt = encoder.prompt_ids(question)
        if text:
            prompt = [*prompt, *encoder.tokenizer(text, add_special_tokens=False).input_ids]
        (ids,) = greedy(model, [prompt], len(prompt) + 12, encoder.end)
        assert encoder.tokenizer.decode(ids, skip_special_tokens=True).strip() == written, name
    path = tmp_path / "traces.json"
    write_records(path, Records("traces", [point]))
    assert read_records(path).checkpoints[0].sets["forget"].trace == items.trace


def test_questions_with_a_head_are_put_without_it_as_well(model, encoder, pairs):
    question, answer = pairs[0]
    row = {"question": f"amber tiger: {question}", "answer": answer, "cot": "Hmm."}
    rows = {"forget": [row, {**row, "question": question}], "retain": [row]}
    items = asked(model, encoder, rows, prefills="canonical|headless").sets["forget"]
    assert items.prompt == [["canonical", "headless"], ["canonical"]]
    assert items.prompt_generation[0][1] == items.prompt_generation[1][0]
    assert without_head("Which: of these?") is None
    assert without_head(row["question"]) == question


def test_prefills_close_the_trace_but_for_the_canonical_one():
    closed = {name: parted(text).closed for name, text in prefills.PREFILLS.items()}
    assert closed == {
        "canonical": False,
        "short": True,
        "mimicking": True,
        "free": False,
        "headless": False,
    }
    assert prefills.named("short") == ["canonical", "short"]
    assert prefills.named(None) == list(prefills.PREFILLS)


def test_bad_input_is_refused_in_one_line(rows):
    with pytest.raises(LetheError, match=r"unknown prefill 'shrt'; did you mean short\?; there a"):
        suite.check_settings("traces", {"prefills": "canonical|shrt"})
    bare = {"forget": rows["forget"], "retain": [{"question": "q", "answer": "a", "cot": ""}]}
    with pytest.raises(
        LetheError, match=r"^set 'retain', row 1: no reasoning trace, neither in a "
    ):
        suite.check("traces", bare)
    with pytest.raises(LetheError, match=r"has no reasoning traces; set world\.traces"):
        suite.check_fields("traces", {}, ["question"])
    suite.check_fields("traces", {}, ["question", "cot"])
