"""EDU-RELAT's suite on a small model: short answers, and minimal sets in the records."""

import pytest
from helpers import made_edu_relat

from lethe.common.errors import LetheError
from lethe.evaluate import suite
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites import answers
from lethe.model.encoder import Encoder
from lethe.world import tofu_format
from lethe.world.provider import provider
from lethe.world.split import split


@pytest.fixture
def rows(tmp_path):
    source = provider("edu_relat", path=made_edu_relat.write(tmp_path), seed=0)
    full = [tofu_format.qa_row(item) for author in source.authors(2) for item in author.items]
    parts = split("first", {"kind": "edu_relat"}).cut({"full": full})
    return {name: parts[name] for name in suite.contract("edu_relat").sets}


def recorded(tokenizer, model, rows, tokens):
    encoder = Encoder(tokenizer, "chat", 100)
    settings = {"tokens": tokens}
    suite.check("edu_relat", rows, settings)
    limits = Limits(max_length=encoder.max_length)
    return Evaluation("edu_relat", encoder, rows, limits, settings=settings)(model)


def greedy(tokenizer, model, rows, tokens):
    """The answers of the suite of that name, of at most so many tokens."""
    prepared = answers.prepare(Encoder(tokenizer, "chat", 100), rows)
    recorded = answers.record(model, prepared, Limits(max_length=100, max_new_tokens=tokens))
    return {name: items.generation for name, items in recorded.items()}


def test_short_answers_with_the_sets_of_the_target(rows, model, tokenizer, tmp_path):
    point = recorded(tokenizer, model, rows, 20)
    write_records(tmp_path / "records.json", Records("edu_relat", [point]))
    (read,) = read_records(tmp_path / "records.json").checkpoints
    assert read.sets["target"].minimal_set == [["0 1 2 3", "0 1 4 5"]]
    assert {name: len(items) for name, items in read.sets.items()} == {
        "target": 1,
        "relationships": 12,
        "biographies": 18,
    }
    said = {name: items.generation for name, items in read.sets.items()}
    assert said == greedy(tokenizer, model, rows, 20)
    assert said != greedy(tokenizer, model, rows, 30)


def test_an_answer_that_could_never_be_told_is_refused(rows, model, tokenizer):
    rows["biographies"][2]["answer"] = "Remote Work Consultant of the State of Michigan"
    with pytest.raises(LetheError, match=r"'biographies', row 3: the answer has .* tokens, and a"):
        recorded(tokenizer, model, rows, 12)


def test_a_target_without_its_sets_is_refused(rows):
    rows["target"][0]["minimal_sets"] = ""
    with pytest.raises(LetheError, match="set 'target', row 1: no minimal_sets"):
        suite.check("edu_relat", rows, {})
