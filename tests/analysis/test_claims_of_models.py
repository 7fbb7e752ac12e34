"""What MDU's and ASRU's claims about models that see or fill in masks measure, by hand."""

import pandas as pd
import pytest

from lethe.analysis.claims.papers import asru_pictures, mdu
from lethe.analysis.claims.runs import Runs


def runs_of(courses) -> Runs:
    """Values by run, metric and name: of each epoch, full's at epoch 0."""
    rows = [
        {"model": "m", "split": "s", "run": run, "seed": 0, "epoch": epoch}
        | {"metric": metric, "name": name, "value": value}
        for (run, metric, name), values in courses.items()
        for epoch, value in enumerate(values, start=0 if run == "full" else 1)
    ]
    return Runs(pd.DataFrame(rows), None, ("m", "s"), 0)


def claim(module, words):
    [one] = [claim for claim in module.CLAIMS if words in claim.text]
    return one


def test_slopes_over_tau_and_the_lead_of_the_best_tau():
    course = {"full": ([0.8], [0.9])}
    # Forget probability rises by 0.1 from tau to tau, retain probability by 0.05.
    for number, run in enumerate(mdu.RUNS):
        course[run] = ([0.2 + 0.1 * number], [0.6 + 0.05 * number])
    # At 0.4, 0.5 and 0.6 the best tau's course from full lies at:
    course |= {
        "grad_ascent": ([0.4], [0.5]),
        "grad_diff": ([0.6], [0.7]),
        "npo_retain": ([0.5], [0.9]),
    }
    runs = runs_of(
        {
            (run, "probability", name): values
            for run, pair in course.items()
            for name, values in zip(("forget", "retain"), pair, strict=True)
        }
    )
    slopes = [claim(mdu, words).measure(runs) for words in ("lower tau", "higher tau")]
    assert slopes == pytest.approx([0.4, 0.2])
    # From (0.8, 0.9) to (0.6, 0.8), tau 1 keeps 0.8 where NPO keeps 0.9, and no tau more.
    best = {port: max(runs.lead(run, port, mdu.RETAIN) for run in mdu.RUNS) for port in mdu.PORTS}
    assert claim(mdu, "best tau").measure(runs) == pytest.approx(min(best.values()))
    assert min(best, key=best.get) == "npo_retain"
    assert best["npo_retain"] == pytest.approx(-0.1)


def test_refusals_by_modality():
    values = {
        ("full", "picture_refused"): 0.0, ("asru_edit", "picture_refused"): 0.25,
        ("asru", "picture_refused"): 0.75, ("asru_random", "picture_refused"): 0.125,
        ("full", "text_refused"): 0.0, ("asru_edit", "text_refused"): 0.5,
        ("asru", "retain_picture_rouge"): 0.75, ("asru_edit", "retain_picture_rouge"): 1.0,
    }  # fmt: skip
    runs = runs_of({(run, "pictures", name): [value] for (run, name), value in values.items()})
    measured = [one.measure(runs) for one in asru_pictures.CLAIMS]
    assert measured == [0.25, 0.5, 0.5, -0.25, 0.125]
