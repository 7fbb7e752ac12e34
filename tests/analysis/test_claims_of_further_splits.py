"""Claims about some facts of an author and shares of a behaviour: right numbers from the scores."""

import pandas as pd
import pytest

from lethe.analysis.claims.papers import ppu_bench_partial, untraining
from lethe.analysis.claims.runs import Runs
from lethe.analysis.scores import COLUMNS
from lethe.common.errors import LetheError


def runs(values: dict, split: str, seed: int = 0) -> Runs:
    """``values``: by split, run, epoch and ``metric.name``."""
    rows = [
        ("tiny", place, run, seed, epoch, epoch, *key.split("."), value)
        for place, of_runs in values.items()
        for run, epochs in of_runs.items()
        for epoch, numbers in epochs.items()
        for key, value in numbers.items()
    ]
    return Runs(pd.DataFrame(rows, columns=COLUMNS), None, ("tiny", split), seed)


def claim(module, words: str):
    (one,) = [claim for claim in module.CLAIMS if words in claim.text]
    return one


def kept(forget, own, others):
    return {
        "probability.forget": forget,
        "same_author_retain.kept_probability": own,
        "same_author_retain.others_probability": others,
    }


PARTIAL = {
    "selective": {
        "full": {0: kept(0.9, 0.8, 0.8)},
        "npo": {1: kept(0.5, 0.7, 0.8), 2: kept(0.1, 0.4, 0.6)},
        "grad_diff": {1: kept(0.5, 0.6, 0.8), 2: kept(0.1, 0.4, 0.8)},
        "grad_diff_bao": {1: kept(0.5, 0.7, 0.8), 2: kept(0.1, 0.7, 0.8)},
    },
    "personal": {
        "full": {0: kept(0.9, 0.5, 0.8)},
        "grad_diff": {2: kept(0.1, 0.1, 0.8)},
    },
}


def test_forgetting_that_spreads_within_an_author():
    spread = claim(ppu_bench_partial, "does so with NPO").measure(runs(PARTIAL, "selective"))
    assert spread == pytest.approx(0.6 / 0.8 - 0.4 / 0.8)


def test_the_boundary_loss_leads_where_both_forgot_as_much():
    lead = claim(ppu_bench_partial, "boundary loss").measure(runs(PARTIAL, "selective"))
    assert lead == pytest.approx(min(0.7 - 0.6, 0.7 - 0.4))


@pytest.mark.parametrize("split", PARTIAL)
def test_two_splits_are_compared_from_either(split):
    less = claim(ppu_bench_partial, "selective less personal").measure(runs(PARTIAL, split))
    assert less == pytest.approx(0.4 / 0.8 - 0.1 / 0.5)
    with pytest.raises(LetheError, match="no split complete with seed 0; list it"):
        runs(PARTIAL, split).on("complete")


def distances(share, everything, **more):
    numbers = {"ks": 1.0, "probability": 1.0, "js": 1.0}
    near = {f"generalisation.without_share_{name}": share * n for name, n in numbers.items()}
    far = {f"generalisation.without_all_{name}": everything * n for name, n in numbers.items()}
    return near | far | {f"generalisation.{name}": value for name, value in more.items()}


SHARES = {
    "quarter": {
        "full": {0: distances(0.1, 0.4)},
        "npo": {2: distances(0.2, 0.2, generalisation=0.7)},
        "msa": {1: distances(0.0, 0.3, generalisation=0.1)},
    },
    "whole": {"npo": {2: distances(0.3, 0.3)}},
}


def test_doing_nothing_is_nearer_to_untraining_and_npo_spreads():
    quarter = runs(SHARES, "quarter")
    assert claim(untraining, "doing nothing is nearer").measure(quarter) == pytest.approx(0.3)
    assert claim(untraining, "NPO's forgetting spreads").measure(quarter) == pytest.approx(0.7)
    assert claim(untraining, "less than NPO's").measure(quarter) == pytest.approx(0.6)


def test_of_the_whole_both_distances_are_equal_and_g_is_not_tested():
    whole = runs(SHARES, "whole")
    assert claim(untraining, "both oracles are one").measure(whole) == 0
    row = claim(untraining, "NPO's forgetting spreads").row_or_reason("whole", [whole])
    assert row["reason"] == "is about the splits tenth, quarter, half"
