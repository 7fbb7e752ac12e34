"""What must go with a target, and whether it can still be deduced, by hand."""

import pytest
from helpers.made_records import make_document

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import read_records
from lethe.metrics.deep_unlearning import measures
from lethe.world.families import Fact, said

FATHER, MOTHER = Fact("father", "Cleo", "Ben"), Fact("mother", "Cleo", "Ada")
WIFE, OTHER = Fact("wife", "Ben", "Ada"), Fact("wife", "Max", "Eve")
FACTS = (FATHER, MOTHER, WIFE, OTHER)


@pytest.mark.parametrize(
    ("forgotten", "recall", "accuracy", "deducible"),
    [
        # The mother and the father, or the mother and the marriage, must go.
        ((), 0, 1, 1),
        ((MOTHER,), 1 / 2, 1, 1),
        ((MOTHER, FATHER), 1, 1, 0),
        ((MOTHER, WIFE, OTHER), 1, 1 / 2, 0),
        ((FATHER,), 1 / 2, 1, 1),
        # Of two sets that are gone alike, that which leaves more: here either leaves one of two.
        (FACTS, 1, 0, 0),
        ((MOTHER, FATHER, WIFE), 1, 1 / 2, 0),
    ],
)
def test_recall_is_of_the_set_that_is_gone_most(forgotten, recall, accuracy, deducible):
    stated = {fact: fact not in forgotten for fact in FACTS}
    assert measures(stated, MOTHER) == pytest.approx(
        {"recall": recall, "accuracy": accuracy, "deducible": deducible}
    )


def document(facts=FACTS, told=(FATHER, OTHER)):
    made = make_document(epochs=(1,), n=len(facts)) | {"suite": "family"}
    (point,) = made["checkpoints"]
    family = point["sets"].pop("forget")
    questions, answers = zip(*map(said, facts), strict=True)
    words = [f"I think {fact.other}." if fact in told else "Nobody." for fact in facts]
    family |= {"question": [*questions], "answer": [*answers], "generation": words}
    point["sets"] = {"family": family, "targets": {k: v[1:2] for k, v in family.items()}}
    return made


def test_a_fact_is_told_if_the_answer_names_the_relative(save):
    records = read_records(save(document(), "family.json"))
    (point,) = metrics.compute("deep_unlearning", records, {}).checkpoints
    assert point.values == pytest.approx(
        {"recall": 1, "accuracy": 1, "deducible": 0, "targets_told": 0, "told": 0.5}
    )
    assert point.items["told"] == [1, 0, 0, 1]


def test_a_row_about_no_relative_is_named(save):
    made = document()
    made["checkpoints"][0]["sets"]["family"]["question"][0] = "Who wrote it?"
    records = read_records(save(made, "family.json"))
    with pytest.raises(LetheError, match="'Who wrote it\\?' asks about no relative"):
        metrics.compute("deep_unlearning", records, {})
