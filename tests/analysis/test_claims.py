"""Claims on scores made by hand, so that each verdict is known beforehand."""

import pandas as pd
import pytest

from lethe.analysis.claims.rows import is_row, pooled
from lethe.analysis.claims.runs import utility_at
from lethe.analysis.claims.tofu import check
from lethe.analysis.claims.verdict import FAILS, FIXED, HOLDS, PAIRED, UNDECIDED
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


GAP = "full and oracle are as useful: relative gap of model utility"
ANOTHER = "an oracle with another seed does not: KS p"
SEEDS = (0, 1, 2, 3, 4)


def over_seeds(table, seeds=SEEDS) -> pd.DataFrame:
    """The same scores for each seed; further oracles keep theirs."""
    own, further = table[table["seed"] == 0], table[table["seed"] != 0]
    return pd.concat([*(own.assign(seed=seed) for seed in seeds), further], ignore_index=True)


def judged(table, methods=(), seeds=(0,), oracles=(1000,)) -> dict[str, dict]:
    rows = check(table, ["tiny"], ["forget10"], seeds, oracles, methods)
    assert all(map(is_row, rows))
    claims = {row["claim"]: row for row in rows}
    assert len(claims) == len(rows)
    return claims


def with_verdict(claims, verdict) -> list[str]:
    return [text for text, claim in claims.items() if claim["verdict"] == verdict]


def test_all_hold_where_they_should():
    methods = {"grad_ascent": ASCENT, "grad_diff": DIFF, "npo_retain": DIFF}
    claims = judged(over_seeds(scores(methods=methods)), methods, SEEDS)
    assert len(claims) == 10
    assert with_verdict(claims, HOLDS) == list(claims)


def test_one_seed_decides_fixed_bounds_alone():
    methods = {"grad_ascent": ASCENT, "grad_diff": DIFF, "npo_retain": DIFF}
    claims = judged(scores(methods=methods), methods)
    assert {claims[text]["kind"] for text in with_verdict(claims, HOLDS)} == {FIXED}
    assert {claims[text]["kind"] for text in with_verdict(claims, UNDECIDED)} == {PAIRED}


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        ({"full": 0.79}, "full knows the forget set: probability"),
        ({"full": 0.85, "retain": 0.66}, "the oracle does not: lower by"),
        ({"quality": 2e-4}, "full differs from the oracle: KS p"),
        ({"oracle": 0.04}, ANOTHER),
    ],
)
def test_each_fixed_bound_can_fail_alone_with_one_seed(change, claim):
    assert with_verdict(judged(scores(**change)), FAILS) == [claim]


@pytest.mark.parametrize(("full", "oracle"), [(0.8, 0.71), (0.71, 0.8)])
def test_a_gap_of_utility_fails_on_either_side(full, oracle):
    table = scores(utility=(full, oracle))
    assert judged(table)[GAP]["verdict"] == UNDECIDED
    claim = judged(over_seeds(table), seeds=SEEDS)[GAP]
    assert claim["verdict"] == FAILS
    assert claim["values"]["4"] == pytest.approx((full - oracle) / 0.8)


def test_a_row_has_all_that_its_verdict_rests_on():
    assert judged(scores(full=0.75))["full knows the forget set: probability"] == {
        "model": "tiny", "split": "forget10", "claim": "full knows the forget set: probability",
        "relation": ">", "bound": 0.8, "margin": None, "kind": "fixed bound",
        "values": {"0": 0.75}, "verdict": "fails", "low": 0.75, "high": 0.75,
        "coverage": 0.0, "seeds": 1,
    }  # fmt: skip


def test_ascent_that_keeps_its_utility_is_told():
    kept = [(0.6, 0.8), (0.2, 0.46)]
    table = over_seeds(scores(methods={"grad_ascent": kept}))
    claims = judged(table, ["grad_ascent"], SEEDS)
    share = claims["gradient ascent loses retain utility: share kept"]
    assert share["low"] == share["high"] == pytest.approx(0.46 / 0.9)
    assert share["verdict"] == FAILS


def test_methods_are_compared_at_equal_forgetting():
    """The other method forgets more slowly: its utility is read where it has forgotten as much."""
    slow = [(0.75, 0.85), (0.3, 0.5)]
    methods = {"grad_ascent": ASCENT, "grad_diff": slow}
    claims = judged(scores(methods=methods), methods)
    first = claims["grad_diff keeps more than gradient ascent at its epoch 1: by"]
    # 0.6 lies a third of the way from 0.75 to 0.3.
    assert first["low"] == pytest.approx(0.85 - 0.35 / 3 - 0.7)
    # Beyond the end of its course, the utility of its end.
    second = claims["grad_diff keeps more than gradient ascent at its epoch 2: by"]
    assert second["low"] == pytest.approx(0.5 - 0.3)


def test_worse_method_fails_at_each_epoch():
    methods = {"grad_ascent": ASCENT, "npo_retain": [(0.6, 0.6), (0.2, 0.2)]}
    claims = judged(over_seeds(scores(methods=methods)), methods, SEEDS)
    assert with_verdict(claims, FAILS) == [
        "npo_retain keeps more than gradient ascent at its epoch 1: by",
        "npo_retain keeps more than gradient ascent at its epoch 2: by",
    ]


def test_without_ascent_no_method_is_compared():
    methods = {"grad_diff": DIFF}
    assert len(judged(scores(methods=methods), methods)) == 5


def test_a_seed_that_differs_leaves_a_claim_undecided():
    methods = {"grad_ascent": ASCENT, "grad_diff": DIFF}
    table = over_seeds(scores(methods=methods))
    worse = (table["run"] == "grad_diff") & (table["seed"] == 3) & (table["epoch"] == 1)
    worse &= table["name"] == "retain_utility"
    table.loc[worse, "value"] = 0.6
    claims = judged(table, methods, SEEDS)
    first = claims["grad_diff keeps more than gradient ascent at its epoch 1: by"]
    assert first["verdict"] == UNDECIDED
    assert (first["low"], first["high"]) == (pytest.approx(-0.1), pytest.approx(0.1))
    assert list(first["values"]) == ["0", "1", "2", "3", "4"]
    assert first["coverage"] == 0.9375


def test_further_oracles_have_seeds_of_their_own():
    claims = judged(over_seeds(scores(), (0, 1)), seeds=(0, 1))
    assert claims[ANOTHER]["values"] == {"1000": 0.5}
    assert claims[GAP]["seeds"] == 2
    assert ANOTHER not in judged(scores(), oracles=())


def test_worlds_are_judged_together():
    worlds = [check(over_seeds(scores(), [seed]), ["tiny"], ["forget10"], [seed], [], [])
              for seed in SEEDS]  # fmt: skip
    rows = pooled(worlds)
    assert all(map(is_row, rows))
    assert [row["claim"] for row in rows] == [row["claim"] for row in worlds[0]]
    assert {row["verdict"] for row in rows} == {HOLDS}
    assert rows[-1]["values"].keys() == {"0", "1", "2", "3", "4"}
    with pytest.raises(LetheError, match="seed 3 is in two files"):
        pooled([*worlds, worlds[3]])
    worlds[1][0] = {**worlds[1][0], "bound": 0.7}
    with pytest.raises(LetheError, match="the bound differs"):
        pooled(worlds)


def test_missing_scores_are_named():
    table = scores()
    lacking = (table["metric"] == "model_utility") & (table["run"] == "full")
    with pytest.raises(LetheError, match=r"model_utility\.model_utility of full, seed 0"):
        check(table[~lacking], ["tiny"], ["forget10"], [0], [], [])
    with pytest.raises(LetheError, match="of full, seed 5"):
        check(table, ["tiny"], ["forget10"], [5], [], [])


def test_scores_of_zero_decide_and_do_not_break():
    table = scores(full=0.0, retain=0.0, utility=(0.0, 0.0))
    assert judged(table)[GAP]["values"] == {"0": 0}


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


@pytest.mark.parametrize("metric", ["forget_quality", "model_utility", "probability"])
def test_claims_about_metrics_that_a_run_does_not_have_are_left_out(metric):
    methods = {"grad_ascent": ASCENT, "npo_retain": DIFF}
    table = scores(methods=methods)
    every = judged(table, methods)
    left = judged(table[table["metric"] != metric], methods)
    assert left.items() <= every.items()
    assert 0 < len(left) < len(every)
