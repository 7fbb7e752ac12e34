"""LUME's scores by hand, and what is refused."""

import math
from fractions import Fraction
from statistics import harmonic_mean

import numpy as np
import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records, nested
from lethe.metrics.base import CheckpointValues, MetricFile

TRUTH = "and he stayed in Rome"  # five words
# What is said of each task: completions, and whether the answer to the question is right.
FORGET = {
    "Task1": (["he stayed at Rome"], ["oslo"]),  # 3/5; right but for case
    "Task2": (["Rome, in"], ["Bonn", " Oslo "]),  # 1/5; wrong, right but for space
    "Task3": (["nothing"], ["Bonn"]),  # 0; wrong
}
RETAIN = {
    "Task1": ([TRUTH], ["Oslo"]),
    "Task2": ([f"{TRUTH} and more", "and he"], ["Oslo", "Oslo."]),  # 1 and 2/5; right, wrong
    "Task3": (["stayed in"], ["Oslo"]),  # 2/5
}


def items(said):
    rows = [
        (task, form, {"completion": TRUTH, "question": "Oslo"}[form], text)
        for task, by_form in said.items()
        for form, texts in zip(("completion", "question"), by_form, strict=True)
        for text in texts
    ]
    tasks, forms, answers, texts = (list(column) for column in zip(*rows, strict=True))
    asked = [f"q{number}" for number in range(len(rows))]
    return ItemSet(asked, answers, generation=texts, task=tasks, form=forms)


def tasks(forget, retain):
    sets = {"forget": items(forget), "retain": items(retain)}
    records = Records("lume", [Checkpoint(1, 1, sets)], "lume.json")
    [checkpoint] = metrics.compute("lume_tasks", records).checkpoints
    return checkpoint


def test_tasks_and_their_harmonic_mean_by_hand():
    found = tasks(FORGET, RETAIN)
    values = {key: pytest.approx(float(Fraction(text))) for key, text in EXPECTED.items()}
    assert found.values == values | {"task_aggregate": 0}, "Task1's question of forget is told"
    assert found.items["retain_Task2_regurgitation"] == pytest.approx([1, 0.4])
    assert found.items["forget_knowledge"] == [1, 0, 1, 0]


EXPECTED = {
    **{"forget_Task1_regurgitation": "3/5", "forget_Task1_knowledge": "1"},
    **{"forget_Task2_regurgitation": "1/5", "forget_Task2_knowledge": "1/2"},
    **{"forget_Task3_regurgitation": "0", "forget_Task3_knowledge": "0"},
    **{"forget_regurgitation": "4/15", "forget_knowledge": "1/2"},
    **{"retain_Task1_regurgitation": "1", "retain_Task1_knowledge": "1"},
    **{"retain_Task2_regurgitation": "7/10", "retain_Task2_knowledge": "1/2"},
    **{"retain_Task3_regurgitation": "2/5", "retain_Task3_knowledge": "1"},
    **{"retain_regurgitation": "7/10", "retain_knowledge": "3/4"},
}


def test_twelve_terms_against_the_standard_library():
    found = tasks(FORGET | {"Task1": (["he stayed at Rome"], ["Bonn"])}, RETAIN).values
    terms = [2 / 5, 1, 4 / 5, 1 / 2, 1, 1, 1, 1, 7 / 10, 1 / 2, 2 / 5, 1]
    assert found["task_aggregate"] == pytest.approx(harmonic_mean(terms))


def test_tasks_that_lack_items_or_are_not_lumes_are_refused():
    with pytest.raises(LetheError, match="set 'retain' has no question of Task3; raise evaluation"):
        tasks(FORGET, RETAIN | {"Task3": (["x"], [])})
    with pytest.raises(LetheError, match="set 'forget' has a completion of Task4, which LUME"):
        tasks(FORGET | {"Task4": (["x"], ["x"])}, RETAIN)


def documents(member, nonmember):
    sets = {
        name: ItemSet([f"q{n}" for n in losses], ["a"] * len(losses), text_loss=np.array(losses))
        for name, losses in (("member", member), ("nonmember", nonmember))
    }
    records = Records("documents", [Checkpoint(2, 4, sets)], "documents.json")
    return metrics.compute("membership_document", records).checkpoints[0].values


def test_membership_by_hand():
    """Of six pairs four are told apart, in one both losses are the same."""
    found = documents([1.0, 2.0, 3.0], [2.0, 4.0])
    assert found == {"auc": 0.75, "score": 0.5, "member": 2, "nonmember": 3}
    always_wrong, always_right = documents([3.0], [1.0]), documents([1.0], [3.0])
    assert (always_wrong["auc"], always_wrong["score"]) == (0, 0)
    assert (always_right["auc"], always_right["score"]) == (1, 0)
    assert documents([1.0], [1.0])["score"] == 1


def choices(losses, tokens, labels):
    count = len(labels)
    items = ItemSet(
        [f"q{n}" for n in range(count)],
        ["a"] * count,
        option_loss=nested(losses, float),
        option_tokens=nested(tokens, int),
        label=labels,
    )
    return Records("mmlu", [Checkpoint(1, 1, {"mmlu": items})], "mmlu.json")


def test_accuracy_by_hand():
    """A letter of two tokens counts with both; of equally likely ones the first is chosen."""
    losses = [[1.0, 0.5, 2.0, 2.0], [1.0, 0.75, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]
    tokens = [[1] * 4, [1, 2, 1, 1], [1] * 4]
    records = choices(losses, tokens, ["B", "A", "B"])
    [checkpoint] = metrics.compute("mmlu", records).checkpoints
    assert checkpoint.items["accuracy"] == [1, 1, 0]
    assert checkpoint.values["accuracy"] == pytest.approx(2 / 3)
    with pytest.raises(LetheError, match="whose right one is 'E'"):
        metrics.compute("mmlu", choices(losses[:1], tokens[:1], ["E"]))


def test_the_final_score_is_the_mean_of_three():
    def file(metric, name, number):
        return MetricFile(metric, [CheckpointValues(1, 2, {name: number})])

    needs = {
        "lume_tasks": file("lume_tasks", "task_aggregate", 0.25),
        "membership_document": file("membership_document", "score", 0.5),
        "mmlu": file("mmlu", "accuracy", 0.375),
    }
    [found] = metrics.compute("lume_final", needs=needs).checkpoints
    assert (found.epoch, found.step) == (1, 2)
    assert math.isclose(found.values["final"], 0.375)
    needs["mmlu"] = MetricFile("mmlu", [CheckpointValues(2, 4, {"accuracy": 1.0})])
    with pytest.raises(LetheError, match="not the checkpoints of"):
        metrics.compute("lume_final", needs=needs)
