"""Claims of papers against hand-made runs."""

import pandas as pd
import pytest

from lethe.analysis.claims.claim import Claim, check
from lethe.analysis.claims.papers import CLAIMS
from lethe.analysis.scores import COLUMNS
from lethe.report.tables import method_claims
from lethe.report.tables.base import TableData
from lethe.report.tables.states import COLUMNS as STATES


def run(name, points):
    """Rows of a run: (epoch, forget probability, retain utility, p)."""
    rows = []
    for epoch, forget, utility, p in points:
        place = ("tiny", "forget10", name, 0, epoch, epoch)
        rows += [
            (*place, "probability", "forget", forget),
            (*place, "model_utility", "retain_utility", utility),
            (*place, "forget_quality", "forget_quality", p),
        ]
    return rows


@pytest.fixture
def scores():
    rows = [
        *run("full", [(0, 0.9, 0.8, 1e-9)]),
        *run("grad_ascent", [(1, 0.5, 0.4, 1e-3), (2, 0.1, 0.1, 0.2)]),
        # Where it is at 0.5 it has kept 0.7; at 0.1, the last 0.3.
        *run("npo", [(1, 0.7, 0.75, 1e-3), (2, 0.3, 0.65, 0.06), (3, 0.1, 0.3, 0.01)]),
        *run("npo_signadam", [(1, 0.2, 0.5, 0.5)]),
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.fixture
def states():
    rows = [
        ("tiny", "forget10", run, state, 0, "probability", "forget", value)
        for run, state, value in [
            ("npo", "relearned", 0.6),
            ("npo_signadam", "relearned", 0.3),
        ]
    ]
    return pd.DataFrame(rows, columns=STATES)


def verdicts(scores, states):
    table = check(scores, states, [0], CLAIMS)
    return {row["claim"]: row for row in table.to_dict("records")}


def found(rows, beginning):
    (row,) = (row for claim, row in rows.items() if claim.startswith(beginning))
    return row


def test_values_are_those_of_the_runs(scores, states):
    rows = verdicts(scores, states)
    lead = found(rows, "where it forgot as much as gradient ascent")
    # At 0.5 NPO has 0.70 against 0.4; at 0.1 it has 0.3 against 0.1.
    assert lead["value"] == pytest.approx(0.2)
    assert lead["verdict"] == "holds"
    kept = found(rows, "gradient ascent's utility collapses")
    assert (kept["value"], kept["verdict"]) == (pytest.approx(0.125), "holds")
    regained = found(rows, "relearning gives back less after sign-Adam")
    assert regained["value"] == pytest.approx(0.5 - 0.1)
    assert regained["verdict"] == "holds"


def test_a_claim_that_fails_says_so(scores, states):
    worse = scores.copy()
    worse.loc[(worse["run"] == "npo") & (worse["metric"] == "model_utility"), "value"] = 0.05
    row = found(verdicts(worse, states), "where it forgot as much as gradient ascent")
    assert row["verdict"] == "FAILS"
    assert row["value"] < 0


def test_what_cannot_be_tested_says_why(scores, states):
    rows = verdicts(scores, states)
    assert (
        found(rows, "NPO + retain reaches")["reason"] == "no run npo_retain in this configuration"
    )
    assert "npo_study" in found(rows, "gradient ascent diverges linearly")["reason"]
    none = verdicts(scores, states[:0])
    row = found(none, "relearning gives back less after sign-Adam")
    assert row["verdict"] == "not tested"
    assert row["reason"] == "no state relearned of npo"
    assert pd.isna(row["value"])


def test_a_missing_metric_is_a_reason_and_no_error(scores, states):
    claim = Claim("A paper", "text", ("npo",), lambda r: r.end("npo", "fluency", "forget"))
    (row,) = check(scores, states, [0], [claim]).to_dict("records")
    assert row["verdict"] == "not tested"
    assert "no fluency.forget of npo" in row["reason"]


@pytest.mark.parametrize(
    ("relation", "value", "verdict"),
    [(">", 0.0, "FAILS"), ("≥", 0.0, "holds"), ("<", 0.0, "FAILS"), ("<", -1.0, "holds")],
)
def test_relations_at_the_bound(scores, states, relation, value, verdict):
    claim = Claim("A paper", "text", (), lambda r: value, relation, 0.0)
    assert check(scores, states, [0], [claim])["verdict"].tolist() == [verdict]


def test_every_claim_has_a_measure_or_a_reason():
    assert all((c.measure is None) == bool(c.reason) for c in CLAIMS)
    assert len({(c.paper, c.text) for c in CLAIMS}) == len(CLAIMS)


def test_the_table_counts_and_lists_both_kinds(scores):
    table = method_claims.build(TableData(["npo"], [0], scores))
    text = method_claims.markdown(table)
    tested = table[table["verdict"] != "not tested"]
    assert f"{(tested['verdict'] == 'holds').sum()} claims hold" in text
    assert text.count("\n| ") == len(table) + 2
