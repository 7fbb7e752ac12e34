"""Taint along recorded parents, and what lifts it; attacks upon states."""

import pytest
from helpers.configurations import written

from lethe.common.errors import LetheError
from lethe.pipeline.config.load import build
from lethe.pipeline.lineage import CLEAN, TAINTED, UNKNOWN, Known, Model, standings
from lethe.pipeline.states import check, generation

KNOWN = Known(frozenset({"forget", "all"}), frozenset({"retain", "background"}))
BASE = Model("base", "", "b")
FULL = Model("full", "", "f", ("b",), ("all",))
ORACLE = Model("retain", "", "o", ("b",), ("retain",))
NPO = Model("npo", "", "n", ("f",))


def child(of: Model, state: str) -> Model:
    """A student of another model, which begins at the base and learns no file's answers."""
    return Model(of.run, state, f"{of.digest}{state}", (of.digest, "b"))


def taints(models, known=KNOWN) -> dict[str, str]:
    found = standings(models, known)
    return {model.name: one.taint for model, one in zip(models, found, strict=True)}


def test_taint_follows_teachers_over_generations():
    one, clean = child(FULL, "g1"), child(ORACLE, "g1")
    two = child(one, "g2")
    found = taints([BASE, FULL, ORACLE, NPO, one, two, clean, child(NPO, "g1")])
    assert found == {
        "base": CLEAN,
        "full": TAINTED,
        "retain": CLEAN,
        "npo": TAINTED,
        "full, g1": TAINTED,
        "full, g2": TAINTED,
        "retain, g1": CLEAN,
        "npo, g1": TAINTED,
    }


def test_the_reason_names_the_nearest_ancestor():
    one = child(FULL, "g1")
    found = standings([two := child(one, "g2"), one, FULL, BASE], KNOWN)
    assert found[0].why == "descends from full, g1"
    assert found[2].why == "learned rows that are to be forgotten"
    assert two.parents == (one.digest, "b")


def test_a_certificate_lifts_the_taint_of_its_model_and_of_those_after_it():
    known = Known(KNOWN.forgotten, KNOWN.other, {"n": "certificate of npo verifies"})
    found = taints([BASE, FULL, NPO, child(NPO, "g1"), child(FULL, "g1")], known)
    assert (found["npo"], found["npo, g1"]) == (CLEAN, CLEAN)
    assert (found["full"], found["full, g1"]) == (TAINTED, TAINTED)


def test_relearning_taints_again():
    known = Known(KNOWN.forgotten, KNOWN.other, {"n": "certified"})
    again = Model("npo", "relearned", "r", ("n",), ("forget",))
    clean = Model("npo", "finetuned", "t", ("n",), ("background",))
    found = taints([BASE, FULL, NPO, again, clean], known)
    assert (found["npo, relearned"], found["npo, finetuned"]) == (TAINTED, CLEAN)


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (Model("full", "", "x", ("some/hub-model",), ("retain",)), "some/hub-mod, not recorded"),
        (Model("full", "", "x", ("b",), ("other",)), "learned a file that is not known here"),
        (Model("full", "", "x"), "no parent is recorded"),
        (Model("npo", "", "x", ("x", "b")), "x, not recorded here"),
    ],
)
def test_what_nobody_recorded_is_unknown(model, why):
    (_, found) = standings([BASE, model], KNOWN)
    assert found.taint == UNKNOWN
    assert why in found.why


def test_of_equal_bytes_a_state_descends_from_its_own_run():
    """Teachers that say the same make the same student; the oracle's is clean for all that."""
    full = Model("full", "g1", "same", ("f", "b"))
    clean = Model("retain", "g1", "same", ("o", "b"))
    later = [Model(run, "g2", "later", ("same", "b")) for run in ("full", "retain")]
    found = taints([BASE, FULL, ORACLE, full, clean, *later])
    assert (found["full, g2"], found["retain, g2"]) == (TAINTED, CLEAN)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_student_with_its_teachers_bytes_has_its_teachers_taint(backwards):
    """Generations that learn the same answers, from the base again, are the same to the bit."""
    later = [
        Model(run, f"g{number}", "same", (before, "b"))
        for run, first in (("full", "f"), ("retain", "o"))
        for number, before in enumerate((first, "same", "same"), start=1)
    ]
    found = taints([BASE, FULL, ORACLE, *(reversed(later) if backwards else later)])
    assert [found[f"full, g{number}"] for number in (1, 2, 3)] == [TAINTED] * 3
    assert [found[f"retain, g{number}"] for number in (1, 2, 3)] == [CLEAN] * 3


def test_a_state_or_run_that_changed_nothing_has_its_parents_taint():
    idle, rounded = Model("npo", "", "f", ("f",)), Model("retain", "rounded", "o", ("o",))
    found = taints([BASE, FULL, ORACLE, idle, rounded])
    assert (found["npo"], found["retain, rounded"]) == (TAINTED, CLEAN)


def test_bytes_that_come_back_are_no_circle():
    first = child(FULL, "g1")
    second = Model("full", "g2", "y", (first.digest, "b"))
    third = Model("full", "g3", first.digest, ("y", "b"))
    found = taints([BASE, FULL, third, second, first])
    assert {found[f"full, g{number}"] for number in (1, 2, 3)} == {TAINTED}


def test_a_circle_is_refused():
    one, two = Model("one", "", "1", ("2",)), Model("two", "", "2", ("1",))
    with pytest.raises(LetheError, match="lineage: one is recorded as its own ancestor"):
        standings([one, two], KNOWN)


def configured(**attacks):
    return build(written({"attacks": list(attacks), "attack_settings": attacks}))


def test_generations_are_counted():
    config = configured(
        g1={"attack": "distillation"},
        g2={"attack": "distillation", "of": "g1"},
        q={"attack": "quantization", "of": "g2"},
    )
    check(config)
    assert [generation(config, name) for name in ("g1", "g2", "q")] == [1, 2, 2]


@pytest.mark.parametrize(
    ("attacks", "words"),
    [
        ({"g2": {"attack": "distillation", "of": "g1"}}, "g2.of: 'g1' is not among attacks"),
        (
            {
                "g1": {"attack": "distillation", "of": "g2"},
                "g2": {"attack": "distillation", "of": "g1"},
            },
            "g1 would precede itself",
        ),
    ],
)
def test_states_that_cannot_be_are_refused(attacks, words):
    with pytest.raises(LetheError, match=words):
        check(configured(**attacks))
