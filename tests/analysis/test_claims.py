"""Claims on scores made by hand, so that each verdict is known beforehand."""

import pandas as pd
import pytest

from lethe.analysis.claims.tofu import Claim, check, utility_at
from lethe.common.errors import LetheError

PLACE = {"model": "tiny", "split": "forget10"}
# Forget probability and retain utility by epoch.
ASCENT = [(0.6, 0.7), (0.2, 0.3)]
DIFF = [(0.6, 0.8), (0.2, 0.6)]


def scores(quality=1e-6, oracle=0.5, full=0.9, retain=0.3, utility=(0.8, 0.78), methods=None):
    """Scores of a full model, its oracle, a further oracle and methods, seed 0."""
    rows = []

    def add(run, seed, epoch, metric, name, value):
        key = {"run": run, "seed": seed, "epoch": epoch, "metric": metric, "name": name}
        rows.append({**PLACE, **key, "value": value})

    for run, forget, useful in (("full", full, utility[0]), ("retain", retain, utility[1])):
        add(run, 0, 0, "probability", "forget", forget)
        add(run, 0, 0, "model_utility", "model_utility", useful)
        add(run, 0, 0, "model_utility", "retain_utility", 0.9)
    add("full", 0, 0, "forget_quality", "forget_quality", quality)
    add("retain", 1000, 0, "forget_quality", "forget_quality", oracle)
    for method, course in (methods or {}).items():
        for epoch, (forget, useful) in enumerate(course, start=1):
            add(method, 0, epoch, "probability", "forget", forget)
            add(method, 0, epoch, "model_utility", "retain_utility", useful)
    # Rows come in no order that matters.
    return pd.DataFrame(rows[::-1])


def verdicts(table, methods=(), seeds=(0,), oracles=(1000,)) -> dict[str, Claim]:
    found = check(table, ["tiny"], ["forget10"], seeds, oracles, methods)
    claims = {claim.claim: claim for claim in found}
    assert len(claims) == len(found)
    return claims


def failing(table, methods=()) -> list[str]:
    return [text for text, claim in verdicts(table, methods).items() if not claim.holds]


def test_all_hold_where_they_should():
    methods = {"grad_ascent": ASCENT, "grad_diff": DIFF, "npo_retain": DIFF}
    assert failing(scores(methods=methods), methods) == []


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        ({"full": 0.79}, "full knows the forget set: probability"),
        ({"full": 0.85, "retain": 0.66}, "the oracle does not: lower by"),
        ({"quality": 2e-4}, "full differs from the oracle: KS p"),
        ({"oracle": 0.04}, "an oracle with seed 1000 does not: KS p"),
        (
            {"utility": (0.8, 0.71)},
            "full and oracle are as useful: relative gap of model utility",
        ),
        (
            {"utility": (0.71, 0.8)},
            "full and oracle are as useful: relative gap of model utility",
        ),
    ],
)
def test_each_claim_can_fail_alone(change, claim):
    assert failing(scores(**change)) == [claim]


def test_bounds_are_strict():
    claim = Claim("m", "s", 0, "c", 0.5, ">", 0.5)
    assert not claim.holds
    assert not Claim("m", "s", 0, "c", 0.5, "<", 0.5).holds
    assert Claim("m", "s", 0, "c", 0.6, ">", 0.5).holds
    assert claim.row() == {
        "model": "m", "split": "s", "seed": 0, "claim": "c",
        "value": 0.5, "relation": ">", "bound": 0.5, "holds": False,
    }  # fmt: skip


def test_ascent_that_keeps_its_utility_is_told():
    kept = [(0.6, 0.8), (0.2, 0.46)]
    claim = verdicts(scores(methods={"grad_ascent": kept}), ["grad_ascent"])
    share = claim["gradient ascent loses retain utility: share kept"]
    assert share.value == pytest.approx(0.46 / 0.9)
    assert not share.holds


def test_methods_are_compared_at_equal_forgetting():
    """The other method forgets more slowly: its utility is read where it has forgotten as much."""
    slow = [(0.75, 0.85), (0.3, 0.5)]
    methods = {"grad_ascent": ASCENT, "grad_diff": slow}
    claims = verdicts(scores(methods=methods), methods)
    first = claims["grad_diff keeps more than gradient ascent at its epoch 1: by"]
    # 0.6 lies a third of the way from 0.75 to 0.3.
    assert first.value == pytest.approx(0.85 - 0.35 / 3 - 0.7)
    # Beyond the end of its course, the utility of its end.
    second = claims["grad_diff keeps more than gradient ascent at its epoch 2: by"]
    assert second.value == pytest.approx(0.5 - 0.3)


def test_worse_method_fails_at_each_epoch():
    methods = {"grad_ascent": ASCENT, "npo_retain": [(0.6, 0.6), (0.2, 0.2)]}
    assert failing(scores(methods=methods), methods) == [
        "npo_retain keeps more than gradient ascent at its epoch 1: by",
        "npo_retain keeps more than gradient ascent at its epoch 2: by",
    ]


def test_without_ascent_no_method_is_compared():
    methods = {"grad_diff": DIFF}
    assert len(verdicts(scores(methods=methods), methods)) == 5


def test_further_oracles_are_held_against_the_first_seed_alone():
    first = scores()
    table = pd.concat([first, first.assign(seed=first["seed"].replace({0: 1}))])
    table = table.drop_duplicates()
    found = check(table, ["tiny"], ["forget10"], [0, 1], [1000], [])
    assert [claim.seed for claim in found if "an oracle with seed" in claim.claim] == [0]
    assert {claim.seed for claim in found} == {0, 1}


def test_missing_scores_are_named():
    table = scores()
    with pytest.raises(LetheError, match=r"model_utility\.model_utility of full, seed 0"):
        check(table[table["metric"] != "model_utility"], ["tiny"], ["forget10"], [0], [], [])
    with pytest.raises(LetheError, match="of full, seed 5"):
        check(table, ["tiny"], ["forget10"], [5], [], [])


def test_scores_of_zero_decide_and_do_not_break():
    table = scores(full=0.0, retain=0.0, utility=(0.0, 0.0))
    claims = verdicts(table)
    gap = claims["full and oracle are as useful: relative gap of model utility"]
    assert gap.value == 0


def test_utility_along_a_course_that_turns_back():
    path = pd.DataFrame({"forget": [0.9, 0.5, 0.6, 0.2], "utility": [0.8, 0.6, 0.5, 0.1]})
    assert utility_at(path, 0.9) == pytest.approx(0.8)
    assert utility_at(path, 0.7) == pytest.approx(0.7)
    assert utility_at(path, 0.1) == pytest.approx(0.1)
    assert utility_at(path, 0.95) == pytest.approx(0.8)


def test_the_oracle_is_the_one_that_the_split_has():
    usual = scores()
    named = usual.replace({"run": {"retain": "unseen"}})
    place = (["tiny"], ["forget10"], [0], [1000], [])
    assert check(named, *place, {"forget10": "unseen"}) == check(usual, *place)
    with pytest.raises(LetheError, match="of retain, seed 0"):
        check(named, *place)
