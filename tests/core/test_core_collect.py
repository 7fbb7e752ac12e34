import numpy as np
import pytest
import torch
from core_helpers import CLOSE, plain, token_nll

from lethe.errors import LetheError
from lethe.evaluate.collect import collect, prepare
from lethe.evaluate.generate import greedy
from lethe.evaluate.suite import PARAPHRASED, SUITE, Probe, probes
from lethe.records import Records, read_records, write_records


def row(question: str, wrong: int = 3) -> dict:
    return {
        "question": question,
        "answer": f"Yes, {question}",
        "paraphrased_answer": f"Well, it is {question}",
        "perturbed_answer": [f"{'no ' * (i + 1)}{question}" for i in range(wrong)],
    }


@pytest.fixture(scope="module")
def suite():
    """Every answer of every item has its own loss; token counts grow with the perturbed ones."""
    names = ("forget", "retain", "real_authors", "world_facts")
    rows = {name: [row(f"{name} {i * 7}?") for i in range(2 + k)] for k, name in enumerate(names)}
    return {name: probes(rows[name], name in PARAPHRASED, 300, name) for name in names}


def expected(model, encoder, question: str, answers: list[str]) -> tuple[list[float], list[int]]:
    examples = encoder.encode_all([(question, answer) for answer in answers])
    with torch.no_grad():
        losses = [token_nll(plain(model), example).mean().item() for example in examples]
    return losses, [example.answer_tokens for example in examples]


def test_columns_belong_to_their_items(model, encoder, suite, tmp_path):
    found = collect(model, encoder, prepare(encoder, suite), 2, 14)
    assert (found.epoch, found.step) == (2, 14)
    assert list(found.sets) == list(suite)
    losses = []
    for name, items in suite.items():
        columns = found.sets[name]
        assert columns.question == [item.question for item in items]
        assert columns.answer == [item.answer for item in items]
        for i, item in enumerate(items):
            loss, tokens = expected(model, encoder, item.question, [item.answer, *item.perturbed])
            assert columns.answer_loss[i] == pytest.approx(loss[0], rel=CLOSE)
            assert columns.answer_tokens[i] == tokens[0]
            assert columns.perturbed_loss[i].tolist() == pytest.approx(loss[1:], rel=CLOSE)
            assert columns.perturbed_tokens[i].tolist() == tokens[1:]
            losses += loss
            if name in PARAPHRASED:
                loss, tokens = expected(model, encoder, item.question, [item.paraphrase])
                assert columns.paraphrase_loss[i] == pytest.approx(loss[0], rel=CLOSE)
                assert columns.paraphrase_tokens[i] == tokens[0]
                losses += loss
        if name not in PARAPHRASED:
            assert columns.paraphrase_loss is None
            assert columns.paraphrase_tokens is None
    # Two equal losses would hide that they were swapped.
    assert min(np.diff(sorted(losses))) > 10 * CLOSE
    # What collect gives is what records accept.
    write_records(tmp_path / "records.json", Records(SUITE, [found]))
    again = read_records(tmp_path / "records.json").checkpoints[0].sets["retain"]
    assert np.array_equal(again.perturbed_loss, found.sets["retain"].perturbed_loss)


def test_generations_belong_to_their_items(model, encoder, tokenizer, suite):
    found = collect(model, encoder, prepare(encoder, suite), 0, 0)
    said = []
    for name, items in suite.items():
        for item, text in zip(items, found.sets[name].generation, strict=True):
            ids = greedy(model, [encoder.prompt_ids(item.question)], 96, encoder.end)[0]
            assert text == tokenizer.decode(ids, skip_special_tokens=True).strip()
            said.append(text)
    assert len(set(said)) == len(said)


def test_unequal_numbers_of_wrong_answers(model, encoder):
    items = probes([row("one?", 2), row("two?", 4), row("three?", 1)], True, 300, "forget.json")
    columns = collect(model, encoder, prepare(encoder, {"forget": items}), 0, 0).sets["forget"]
    assert [len(values) for values in columns.perturbed_loss] == [2, 4, 1]
    for i, item in enumerate(items):
        loss, tokens = expected(model, encoder, item.question, list(item.perturbed))
        assert columns.perturbed_loss[i].tolist() == pytest.approx(loss, rel=CLOSE)
        assert columns.perturbed_tokens[i].tolist() == tokens


def test_probes_are_the_first_rows_in_order():
    rows = [row(f"{i}?") for i in range(5)]
    assert probes(rows, True, 2, "x") == [
        Probe(f"{i}?", f"Yes, {i}?", f"Well, it is {i}?", tuple(rows[i]["perturbed_answer"]))
        for i in range(2)
    ]
    assert [p.paraphrase for p in probes(rows, False, 300, "x")] == [None] * 5


@pytest.mark.parametrize("key", ["perturbed_answer", "paraphrased_answer"])
@pytest.mark.parametrize("empty", [False, True])
def test_a_missing_answer_names_file_and_row(key, empty):
    rows = [row("one?"), row("two?"), row("three?")]
    if empty:
        rows[1][key] = type(rows[1][key])()
    else:
        del rows[1][key]
    with pytest.raises(LetheError, match=f"data/forget10_perturbed.json, row 2: no {key}"):
        probes(rows, True, 300, "data/forget10_perturbed.json")
    # A row that is not probed need not have it, nor a set without paraphrases a paraphrase.
    assert len(probes(rows, True, 1, "x")) == 1
    if key == "paraphrased_answer":
        assert len(probes(rows, False, 300, "x")) == 3
