"""What LIRA's claims measure, on courses made by hand."""

import pandas as pd
import pytest

from lethe.analysis.claims.papers.lira import at_equal_utility, brought_back
from lethe.analysis.claims.runs import Runs

# Retain utility and the values of phrasings, by epoch.
COURSES = {
    "full": [(0.9, 0.9, 0.8, 0.9)],
    "lira": [(0.8, 0.6, 0.5, 0.85), (0.85, 0.5, 0.4, 0.8), (0.6, 0.4, 0.2, 0.7)],
    "lira_plain": [(0.7, 0.5, 0.6, 0.6)],
    "gentle": [(0.88, 0.7, 0.7, 0.9)],
}


@pytest.fixture
def runs() -> Runs:
    rows = []
    for run, course in COURSES.items():
        for epoch, (utility, *values) in enumerate(course, start=0 if run == "full" else 1):
            place = {"model": "tiny", "split": "forget10", "run": run, "seed": 0, "epoch": epoch}
            named = {("model_utility", "retain_utility"): utility}
            named |= {
                ("phrasings", name): value
                for name, value in zip(("seen", "unseen", "restored"), values, strict=True)
            }
            rows += [{**place, "metric": m, "name": n, "value": v} for (m, n), v in named.items()]
    return Runs(pd.DataFrame(rows), None, ("tiny", "forget10"), 0)


def test_values_are_compared_at_the_others_utility(runs):
    """0.7 lies half-way between 0.8 (the second epoch's 0.85 has not fallen below) and 0.6."""
    assert at_equal_utility(runs, "lira", "lira_plain", "unseen") == pytest.approx(0.3 - 0.6)
    # Below the run's own end: the value there.
    assert at_equal_utility(runs, "gentle", "lira_plain", "unseen") == pytest.approx(0.7 - 0.6)


def test_what_the_cache_brings_back_is_a_share_of_what_was_forgotten(runs):
    assert brought_back(runs, "lira") == pytest.approx((0.7 - 0.4) / (0.9 - 0.4))
