import copy
import json

import numpy as np
import pytest
from helpers.made_records import SETS, make_document

from lethe.common.errors import LetheError
from lethe.evaluate.records import read_records, write_records


def columns(document, name="forget"):
    return document["checkpoints"][0]["sets"][name]


def put(name, column, value, row=None):
    """A fault: a column, or one row of it, replaced."""

    def spoil(document):
        if row is None:
            columns(document, name)[column] = value
        else:
            columns(document, name)[column][row] = value

    return spoil


def drop(name, column):
    return lambda document: columns(document, name).pop(column)


def in_document(key, value):
    return lambda document: document.__setitem__(key, value)


def in_checkpoint(key, value):
    return lambda document: document["checkpoints"][0].__setitem__(key, value)


def twice(document):
    document["checkpoints"].append(copy.deepcopy(document["checkpoints"][0]))


NAN, INF = float("nan"), float("inf")
FAULTS = {
    "format": (in_document("format", 2), ["format 1"]),
    "suite": (in_document("suite", None), ["'suite'"]),
    "no checkpoints": (in_document("checkpoints", []), ["'checkpoints'"]),
    "checkpoint": (in_document("checkpoints", [3]), ["a int"]),
    "epoch": (in_checkpoint("epoch", True), ["'epoch'"]),
    "step": (in_checkpoint("step", -1), ["'step'"]),
    "same epoch": (twice, ["same epoch and step"]),
    "no sets": (in_checkpoint("sets", {}), ["'sets'"]),
    "no set": (lambda d: d["checkpoints"][0]["sets"].pop("world_facts"), ["'world_facts'"]),
    "set": (lambda d: d["checkpoints"][0]["sets"].update(forget=[]), ["'forget'", "a list"]),
    "no questions": (drop("retain", "question"), ["'retain'", "'question'", "missing"]),
    "no losses": (drop("forget", "answer_loss"), ["'forget'", "'answer_loss'", "missing"]),
    "no counts": (drop("forget", "answer_tokens"), ["'answer_tokens'", "missing"]),
    "no wrong": (drop("real_authors", "perturbed_loss"), ["'perturbed_loss'", "missing"]),
    "half paraphrase": (drop("forget", "paraphrase_tokens"), ["'paraphrase_tokens'"]),
    "empty": (put("forget", "question", []), ["'question'", "empty"]),
    "no list": (put("forget", "answer", "Hsiao"), ["'answer'", "a str"]),
    "lengths": (put("forget", "answer_loss", [1.0]), ["'answer_loss'", "1 values for 6"]),
    "text": (put("retain", "answer", None, 2), ["'answer'", "1 of 6", "row 2", "not text"]),
    "nan": (put("forget", "answer_loss", NAN, 1), ["'answer_loss'", "1 of 6", "not finite"]),
    "infinite": (put("forget", "paraphrase_loss", INF, 1), ["'paraphrase_loss'", "not finite"]),
    "string": (put("forget", "answer_loss", "1.0", 1), ["not a number"]),
    "true": (put("forget", "answer_loss", True, 1), ["not a number"]),
    "negative": (put("forget", "answer_loss", -0.5, 1), ["negative"]),
    "tokens": (put("forget", "answer_tokens", 0, 3), ["'answer_tokens'", "positive"]),
    "part tokens": (put("forget", "answer_tokens", 2.0, 3), ["'answer_tokens'", "whole"]),
    "flat": (put("forget", "perturbed_loss", 1.0, 0), ["'perturbed_loss'", "not a list"]),
    "nested nan": (put("forget", "perturbed_loss", [1.0, NAN], 4), ["row 4", "not finite"]),
    "nested shape": (put("forget", "perturbed_tokens", [3], 0), ["'perturbed_tokens'", "1 items"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_that_names_it(save, fault):
    spoil, expected = FAULTS[fault]
    document = make_document()
    spoil(document)
    path = save(document)
    with pytest.raises(LetheError) as error:
        read_records(path)
    message = str(error.value)
    for part in [str(path), "delete the file to have it made again", *expected]:
        assert part in message
    assert "\n" not in message


def test_every_truncation_is_an_error(save):
    path = save(make_document(n=1))
    whole = path.read_bytes()
    for end in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:end])
        with pytest.raises(LetheError, match=r"tofu\.json"):
            read_records(path)


def test_reading_gives_what_was_recorded(save):
    document = make_document(epochs=(1, 3))
    read = read_records(save(document))
    assert [(c.epoch, c.step) for c in read.checkpoints] == [(1, 4), (3, 12)]
    assert set(read.checkpoints[0].sets) == set(SETS)
    items, source = read.checkpoints[0].sets["forget"], columns(document)
    assert len(items) == 6
    assert items.question == source["question"]
    assert items.answer_loss.tolist() == source["answer_loss"]
    assert items.perturbed_loss.shape == (6, 5)
    assert items.perturbed_loss.tolist() == source["perturbed_loss"]
    assert read.checkpoints[0].sets["real_authors"].paraphrase_loss is None


def test_writing_and_reading_are_inverse_and_deterministic(save, tmp_path):
    document = make_document(epochs=(1, 2))
    columns(document)["generation"][0] = 'Émile\u2028 wrote "it"'
    columns(document)["perturbed_loss"][0] = [1.5]
    columns(document)["perturbed_tokens"][0] = [4]
    read = read_records(save(document))
    assert isinstance(read.checkpoints[0].sets["forget"].perturbed_loss, list)
    write_records(tmp_path / "one.json", read)
    write_records(tmp_path / "two.json", read_records(tmp_path / "one.json"))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert json.loads((tmp_path / "one.json").read_text()) == document


def test_what_could_not_be_read_is_not_written(records, tmp_path):
    bad = records()
    bad.checkpoints[1].sets["retain"].answer_loss[2] = np.nan
    with pytest.raises(LetheError, match="epoch 2, set 'retain', column 'answer_loss'"):
        write_records(tmp_path / "bad.json", bad)
    assert not (tmp_path / "bad.json").exists()


def test_take_keeps_columns_together(records):
    items = records().checkpoints[0].sets["forget"]
    taken = items.take([4, 1])
    assert taken.question == [items.question[4], items.question[1]]
    assert taken.perturbed_loss.tolist() == items.perturbed_loss[[4, 1]].tolist()
    assert taken.answer_tokens.tolist() == items.answer_tokens[[4, 1]].tolist()
