"""Exacerbation, asymmetry and intervals of pairs of defences, against hand computation."""

import math

import pandas as pd
import pytest

from lethe.analysis.claims.papers import defenses_at_odds as claims
from lethe.analysis.claims.runs import Runs
from lethe.analysis.defences import asymmetry, read_pairs, share_of_conflicts, wilson
from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, MetricFile, write_metric
from lethe.report.tables import defences as table
from lethe.report.tables.base import TableData

# (first, second, freezing): the first risk before, between and after, of two seeds.
RISKS = {
    ("fairness", "unlearn_a", ""): [(0.9, 0.10, 0.30), (0.9, 0.20, 0.45)],
    ("unlearn_a", "fairness", ""): [(0.8, 0.10, 0.05), (0.8, 0.12, 0.13)],
    ("fairness", "repair", ""): [(0.9, 0.10, 0.15), (0.9, 0.20, 0.35)],
    ("fairness", "unlearn_a", "conflict"): [(0.9, 0.10, 0.12), (0.9, 0.20, 0.22)],
    ("fairness", "unlearn_a", "random"): [(0.9, 0.10, 0.28), (0.9, 0.20, 0.42)],
}


def point(risks, seed) -> CheckpointValues:
    before, between, after = risks
    values = {"first_before": before, "first_between": between, "first_after": after}
    values |= {"second_before": 0.5, "second_between": 0.5, "second_after": 0.2 + 0.1 * seed}
    values |= {"rise": after - between, "success": 0.3 - 0.1 * seed, "frozen": 1.0}
    layers = ("alignment", "shifts_cosine", "interference_first_cosine")
    layers += ("interference_second_cosine", "interference_along_first")
    layers += ("interference_along_second",)
    # The higher the rise, the more the updates are opposed.
    values |= dict.fromkeys(layers, between - after)
    items = {name: [between - after] * 2 for name in layers} | {"changed": [1.0, 1.0]}
    return CheckpointValues(0, 0, values, items)


@pytest.fixture
def entries(tmp_path):
    found = []
    for (first, second, freezing), seeds in RISKS.items():
        for seed, risks in enumerate(seeds):
            name = "_".join(filter(None, [first, "then", second, freezing]))
            path = tmp_path / f"{name}_{seed}.json"
            write_metric(path, MetricFile("defence", [point(risks, seed)]))
            pair = {"first": first, "second": second, "freezing": freezing, "run": name}
            place = {"model": "tiny", "split": "forget20", "state": "defence_pair"}
            found.append({**place, **pair, "seed": seed, "metric": "defence", "path": str(path)})
    return found


def test_a_rise_counts_beyond_the_range_over_seeds(entries):
    pairs = {(p.first, p.second, p.freezing): p for p in read_pairs(entries)}
    ab, ba, ac = (pairs[key] for key in list(RISKS)[:3])
    assert ab.spread == pytest.approx(0.1)
    # Rises of 0.2 and 0.25; of 0.05 and 0.15.
    assert (ab.exacerbates, ab.conflicts) == (1, True)
    assert (ac.exacerbates, ac.conflicts) == (0.5, False)
    assert ba.exacerbates == 0
    assert asymmetry(ab, pairs.values()) == pytest.approx(0.225 - (-0.02))
    assert math.isnan(asymmetry(ac, pairs.values()))
    hits, judged, low, high = share_of_conflicts(pairs.values())
    assert (hits, judged) == (1, 3)
    assert (low, high) == wilson(1, 3)


def test_wilsons_interval_is_the_published_one():
    """Of 1 in 3, by the closed form of Wilson (1927) with z = 1.96."""
    assert wilson(1, 3) == pytest.approx((0.0615, 0.7923), abs=2e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=2e-4)
    assert all(math.isnan(end) for end in wilson(0, 0))


def test_one_seed_calls_nothing_an_exacerbation(entries):
    pairs = read_pairs([one for one in entries if one["seed"] == 0])
    assert all(math.isnan(pair.spread) and not pair.conflicts for pair in pairs)
    made = table.build(TableData([], [0], files=[one for one in entries if one["seed"] == 0]))
    assert "one seed has no spread" in table.markdown(made)


def test_the_table_says_means_ranges_and_the_share(entries):
    made = table.build(TableData([], [0, 1], files=entries))
    row = made.iloc[0]
    assert (row["first"], row["second"], row["seeds"]) == ("fairness", "unlearn_a", 2)
    assert row["first_between"] == pytest.approx(0.15)
    assert (row["rise"], row["rise_low"], row["rise_high"]) == pytest.approx((0.225, 0.2, 0.25))
    text = table.markdown(made)
    assert "+0.225 [+0.200, +0.250]" in text
    assert "1 of 3 ordered pairs exacerbate the first risk, 95% interval 0.06 to 0.79" in text
    assert "conflict (1)" in text


def runs_of(entries, seed=0) -> Runs:
    from lethe.report.tables.states import state_scores

    scores = pd.DataFrame(columns=["model", "split", "run", "seed"])
    states = state_scores(entries)
    both = [Runs(scores, states, ("tiny", "forget20"), n) for n in (0, 1)]
    both[seed].others = [both[1 - seed]]
    return both[seed]


def test_claims_by_hand(entries):
    runs = runs_of(entries)
    values = [claim.measure(runs) for claim in claims.CLAIMS if claim.measure]
    beyond, share, fairness, privacy = values[:4]
    assert beyond == pytest.approx(0.2 - 0.1)
    # Of rises 0.2, -0.05 and 0.05, beyond 0.1, 0.02 and 0.1.
    assert share == pytest.approx(1 / 3)
    # One of two pairs that begin with fairness, and not the one that begins with privacy.
    assert (fairness, privacy) == (0.5, 0.5)
    order, opposed, freezing, cost = values[4:]
    assert order == pytest.approx(0.25 - 0.1)
    assert opposed == pytest.approx(1)
    assert freezing == pytest.approx(0.18 - 0.02)
    assert cost == 0


def test_claims_without_pairs_say_so(entries):
    with pytest.raises(LetheError, match="no pairs of defences"):
        claims.CLAIMS[0].measure(runs_of(entries[:0]))
    one = runs_of(entries)
    one.others = []
    with pytest.raises(LetheError, match="one seed has no spread"):
        claims.CLAIMS[0].measure(one)
