"""Multiple choice: values by hand."""

import numpy as np
import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import Checkpoint, ItemSet, Records, nested
from lethe.metrics._choices import chosen, status
from lethe.metrics.base import CheckpointValues, MetricFile

OPTIONS = ["Oslo", "Rome", "Kyiv", "Bonn"]
PROMPTS = ["normal", "option_only", "shuffled", "no_question"]


def table(losses, tokens=1, written=(), prompts=PROMPTS) -> ItemSet:
    """A set of items with the same options, of which Oslo (A) is right."""
    count = len(losses)
    return ItemSet(
        question=[f"{k}?" for k in range(count)],
        answer=["Oslo"] * count,
        option=[OPTIONS] * count,
        prompt=[list(prompts)] * count,
        prompt_generation=[list(row) for row in written] or None,
        option_loss=nested(losses),
        option_tokens=nested(np.broadcast_to(tokens, np.shape(losses)).tolist()),
    )


def records(suite: str, **sets) -> Records:
    return Records(suite, [Checkpoint(1, 4, sets)], "choices.json")


RIGHT, WRONG, TIED = [1, 2, 3, 4], [2, 1, 3, 4], [1, 1, 3, 4]


def test_the_least_loss_is_chosen_and_ties_are_shared():
    assert chosen([*RIGHT, *WRONG, *TIED], OPTIONS, "Oslo") == [1, 0, 0.5]


def test_accuracy_and_controls():
    items = table([[*RIGHT, *WRONG, *WRONG, *TIED], [*RIGHT, *RIGHT, *WRONG, *WRONG]])
    other = table([[*WRONG] * 4])
    computed = metrics.compute(
        "choice_likelihood", records("choice_likelihood", forget=items, retain=other)
    ).checkpoints[0]
    values = computed.values
    assert values["forget"] == 1
    assert [values[f"forget_{name}"] for name in PROMPTS[1:]] == [0.5, 0, 0.25]
    assert values["forget_chance"] == 0.25
    assert values["forget_gain"] == 0.5
    assert values["retain"] == values["retain_gain"] == 0
    assert computed.items["forget_no_question"] == [0.5, 0]


def test_a_letter_of_several_tokens_counts_as_a_whole():
    # The mean loss of A is the least, but it has three tokens: its sum is not.
    losses, tokens = [[1, 2, 3, 4] * 4], [[3, 1, 1, 1] * 4]
    items = table(losses, tokens)
    both = {"forget": items, "retain": items}
    letters = metrics.compute("choice_letters", records("choice_letters", **both))
    assert letters.checkpoints[0].values["forget"] == 0
    likelihood = metrics.compute("choice_likelihood", records("choice_likelihood", **both))
    assert likelihood.checkpoints[0].values["forget"] == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("A", "correct"),
        ("a.", "correct"),
        ("(A) Oslo", "correct"),
        ("The answer is A", "correct"),
        ("Answer: B", "incorrect"),
        ("A: Oslo.", "correct"),
        ("Oslo, of course", "correct"),
        ("Rome", "incorrect"),
        ("A judge by trade", "invalid"),
        ("E", "invalid"),
        ("I don’t know that.", "refusal"),
        ("Sorry, this is unknown to me.", "refusal"),
        ("Well, honestly, I have no idea.", "refusal"),
        ("", "invalid"),
    ],
)
def test_statuses_of_what_is_written(text, kind):
    assert status(text, OPTIONS, "Oslo") == kind


def statuses(written, prompts=("normal", "soft")):
    losses = [[*RIGHT] * len(prompts)] * len(written)
    items = table(losses, written=written, prompts=prompts)
    made = records("choice_letters", forget=items, retain=items)
    return metrics.compute("choice_statuses", made)


def test_statuses_are_counted_and_what_was_not_asked_is_an_error():
    computed = statuses([["A", "B"], ["B", "I'm sorry"], ["what", "A"], ["A", "A"]]).checkpoints[0]
    values = computed.values
    assert values["forget_normal_correct"] == 0.5
    assert values["forget_normal_incorrect"] == values["forget_normal_invalid"] == 0.25
    assert values["forget_soft_refusal"] == 0.25
    assert values["forget_oracle_error"] == 1
    for condition in ("normal", "soft", "medium", "oracle", "reverse"):
        kinds = ("correct", "incorrect", "refusal", "invalid", "error")
        assert sum(values[f"forget_{condition}_{kind}"] for kind in kinds) == 1


def test_efficacies_are_paired():
    before = statuses([["A", "A"], ["A", "A"], ["B", "A"], ["I cannot say.", "A"]])
    after = statuses([["B", "B"], ["I cannot say.", "A"], ["B", "A"], ["A", "A"]])
    values = (
        metrics.compute(
            "choice_efficacy",
            needs={"choice_statuses": after},
            full={"choice_statuses": before},
        )
        .checkpoints[0]
        .values
    )
    # Right before: items 1 and 2; after: item 4.
    assert values["access"] == 2 / 4 - 1 / 4
    # Both chose at items 1 and 3: 1/2 right before, none after.
    assert (values["clean"], values["clean_items"]) == (0.5, 2)
    # Neither of the two that were right still is.
    assert (values["retain_fidelity"], values["retain_items"]) == (0, 2)
    assert values["access_soft"] == 1 / 4 - 3 / 4


def gate(accuracy=0.9, control=0.3, paraphrased=0.85, recall=0.6, count=60):
    values = {"forget": accuracy, "forget_paraphrased": paraphrased}
    values |= {f"forget_{name}": control for name in PROMPTS[1:]}
    letters = CheckpointValues(0, 0, values, {"forget": [accuracy] * count})
    rouge = CheckpointValues(0, 0, {"forget": recall}, {"forget": [recall] * count})
    needs = {
        "choice_letters": MetricFile("choice_letters", [letters]),
        "rouge": MetricFile("rouge", [rouge]),
    }
    return metrics.compute("choice_eligibility", needs=needs).checkpoints[0].values


def test_each_criterion_of_the_gate_can_fail():
    values = gate()
    assert values["eligible"] == 1
    assert values["gap"] == pytest.approx(0.6)
    assert values["spread"] == pytest.approx(0.05)
    failing = ({"accuracy": 0.59}, {"control": 0.75}, {"paraphrased": 0.7}, {"recall": 0.4})
    for change in (*failing, {"count": 49}):
        assert gate(**change)["eligible"] == 0, change


def test_calibration_by_letters_by_hand():
    # Oslo has 0.7 of the probability in one item, 0.1 in the other, as all others.
    sure, unsure = -np.log([0.7, 0.1, 0.1, 0.1]), -np.log([0.1, 0.7, 0.1, 0.1])
    halved = [[[*(some / 2), *[1.0] * 12] for some in (sure, unsure)], [[2] * 16] * 2]
    items = table(*halved)
    values = (
        metrics.compute(
            "calibration_letters", records("choice_letters", forget=items, retain=items)
        )
        .checkpoints[0]
        .values
    )
    assert values["forget_accuracy"] == 0.5
    assert values["forget_confidence"] == pytest.approx(0.7)
    assert values["forget_brier"] == pytest.approx((0.12 + 1.32) / 2)
    # Both lie in one bin: |0.5 - 0.7|.
    assert values["forget_ece"] == values["forget_mce"] == pytest.approx(0.2)


def test_calibration_by_letters_refuses_questions_that_were_not_put():
    short = table([RIGHT], prompts=["option_only"])
    with pytest.raises(LetheError, match=r"raise evaluation\.max_length"):
        metrics.compute(
            "calibration_letters", records("choice_letters", forget=short, retain=short)
        )


def test_what_a_picture_adds_is_beyond_both_controls():
    right, wrong = [RIGHT * 4], [WRONG * 4]
    known = {"text": right, "picture": right * 2, "no_picture": wrong * 2, "retain_picture": right}
    sets = {name: table(some) for name, some in known.items()}
    sets["other_picture"] = table([*right, *wrong])
    values = metrics.compute("picture_choices", records("picture_choices", **sets))
    values = values.checkpoints[0].values
    assert (values["picture"], values["no_picture"], values["other_picture"]) == (1, 0, 0.5)
    assert values["by_picture"] == 0.5
