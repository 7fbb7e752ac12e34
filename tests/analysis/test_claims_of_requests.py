"""Claims about sequences of requests and sizes of forget sets: right numbers from the measures."""

import statistics

import pandas as pd
import pytest
from helpers import made_sequences as made

from lethe.analysis.claims.papers import icu_bench, muse
from lethe.analysis.claims.runs import Runs
from lethe.analysis.scores import COLUMNS
from lethe.common.errors import LetheError
from lethe.report.tables.states import state_scores

SEEDS = (0, 1, 2)


def runs(folder, seeds=SEEDS) -> list[Runs]:
    """The made-up sequences of every seed, beside a score of forget20 and forget05."""
    entries = made.write(folder, seeds)
    states = state_scores({**entry, "state": entry["metric"]} for entry in entries)
    utility = {("forget05", "npo"): 0.5, ("forget20", "npo"): 0.2}
    utility |= {("forget05", "full"): 0.8, ("forget20", "full"): 0.8}
    scores = [
        ("tiny", split, run, seed, 1, 1, "model_utility", "model_utility", value)
        for (split, run), value in utility.items()
        for seed in seeds
    ]
    found = [
        Runs(pd.DataFrame(scores, columns=COLUMNS), states, ("tiny", "forget20"), seed)
        for seed in seeds
    ]
    for one in found:
        one.others = [other for other in found if other is not one]
    return found


def value(module, words: str, one: Runs) -> float:
    (claim,) = [claim for claim in module.CLAIMS if words in claim.text]
    return claim.measure(one)


def test_what_comes_back_is_held_against_the_spread_over_seeds(tmp_path):
    first, *_ = found = runs(tmp_path)
    left = [one.in_sequence("npo", "earlier") for one in found]
    assert left == pytest.approx([0.3] * 3)
    rebound = value(icu_bench, "(NPO): rebound less", first)
    assert rebound == pytest.approx(0.1 - statistics.stdev(left))
    assert value(icu_bench, "(GUARD-IT): rebound", first) == 0
    (alone,) = runs(tmp_path, (0,))
    with pytest.raises(LetheError, match="needs at least two; list more seeds"):
        value(icu_bench, "(NPO): rebound less", alone)


def test_erosion_is_from_the_first_request_to_the_last(tmp_path):
    one = runs(tmp_path)[0]
    assert value(icu_bench, "erodes with the requests", one) == pytest.approx((0.8 - 0.6) / 0.9)
    assert value(icu_bench, "and erodes nothing", one) == pytest.approx(1.0)
    assert value(muse, "NPO is not sustainable", one) == pytest.approx((0.5 - 0.3) / 0.6)


def test_size_is_held_against_a_smaller_forget_set(tmp_path):
    one = runs(tmp_path)[0]
    assert value(muse, "NPO does not scale", one) == pytest.approx((0.5 - 0.2) / 0.8)


def test_without_a_sequence_a_claim_says_so(tmp_path):
    one = runs(tmp_path)[0]
    with pytest.raises(LetheError, match="no retained of grad_ascent on a sequence of requests"):
        value(icu_bench, "gradient ascent collapses", one)
