"""Claims of papers against hand-made runs."""

import json
import re
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from helpers.workflow_folder import ROOT
from scipy.stats import kendalltau, spearmanr

from lethe.analysis import quality_score
from lethe.analysis.claims import papers
from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.paper_check import PaperClaim, check, paper_claims
from lethe.analysis.claims.papers.base import UNLEARNED
from lethe.analysis.claims.verdict import EXACT, UNTESTED, Criterion
from lethe.analysis.quality_score import VALUES
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


SEEDS = [0, 1, 2, 3, 4]


def five(table) -> pd.DataFrame:
    """The same rows for each of five seeds."""
    return pd.concat([table.assign(seed=seed) for seed in SEEDS], ignore_index=True)


def verdicts(scores, states, seeds=SEEDS):
    table = check(five(scores), five(states), seeds, paper_claims())
    return {row["claim"]: row for row in table.to_dict("records")}


def starting(rows, beginning):
    (row,) = (row for claim, row in rows.items() if claim.startswith(beginning))
    return row


def one_claim(claim, scores, states) -> dict:
    table = check(five(scores), five(states), SEEDS, [PaperClaim("A paper", "core", claim)])
    (row,) = table.to_dict("records")
    return row


def test_values_are_those_of_the_runs(scores, states):
    rows = verdicts(scores, states)
    lead = starting(rows, "where it forgot as much as gradient ascent")
    # At 0.5 NPO has 0.70 against 0.4; at 0.1 it has 0.3 against 0.1.
    assert json.loads(lead["values"]) == {str(seed): pytest.approx(0.2) for seed in SEEDS}
    assert (lead["seeds"], lead["coverage"], lead["verdict"]) == (5, 0.9375, "holds")
    collapse = starting(rows, "gradient ascent's utility collapses")
    assert (collapse["high"], collapse["verdict"]) == (pytest.approx(0.125), "holds")
    regained = starting(rows, "relearning gives back less after sign-Adam")
    assert regained["low"] == pytest.approx(0.5 - 0.1)
    assert regained["verdict"] == "holds"
    assert (regained["subject"], lead["subject"]) == ("attacks", "core")


def test_a_claim_that_fails_says_so(scores, states):
    worse = scores.copy()
    worse.loc[(worse["run"] == "npo") & (worse["metric"] == "model_utility"), "value"] = 0.05
    row = starting(verdicts(worse, states), "where it forgot as much as gradient ascent")
    assert row["verdict"] == "fails"
    assert row["high"] < 0


def test_four_seeds_fail_nothing(scores, states):
    worse = scores.copy()
    worse.loc[(worse["run"] == "npo") & (worse["metric"] == "model_utility"), "value"] = 0.05
    rows = verdicts(worse, states, SEEDS[:4])
    assert {row["verdict"] for row in rows.values()} == {"undecided", "not tested"}


def test_what_cannot_be_tested_says_why(scores, states):
    rows = verdicts(scores, states)
    row = starting(rows, "NPO + retain reaches")
    assert row["reason"] == "no run npo_retain in this configuration"
    assert "npo_study" in starting(rows, "gradient ascent diverges linearly")["reason"]
    none = verdicts(scores, states[:0])
    row = starting(none, "relearning gives back less after sign-Adam")
    assert row["verdict"] == "not tested"
    assert row["reason"] == "no state relearned of npo"
    assert pd.isna(row["low"])
    shares = starting(rows, "NPO + retain keeps utility when")
    assert shares["reason"] == "is about the splits forget20, forget30, forget50"


def test_a_missing_metric_is_a_reason_and_no_error(scores, states):
    claim = Claim("text", ("npo",), lambda r: r.end("npo", "fluency", "forget"))
    row = one_claim(claim, scores, states)
    assert row["verdict"] == "not tested"
    assert "no fluency.forget of npo" in row["reason"]


@pytest.mark.parametrize(
    ("relation", "value", "verdict"),
    [
        (">", 0.0, "undecided"),
        ("≥", 0.0, "holds"),
        ("<", 0.0, "undecided"),
        ("<", -1.0, "holds"),
        ("<", 1.0, "fails"),
    ],
)
def test_relations_at_the_bound(scores, states, relation, value, verdict):
    claim = Claim("text", (), lambda r: value, Criterion(relation, 0.0))
    assert one_claim(claim, scores, states)["verdict"] == verdict


def test_every_claim_has_a_measure_or_a_reason():
    claims = paper_claims()
    assert all((one.claim.measure is None) == bool(one.claim.reason) for one in claims)
    assert all(one.claim.criterion for one in claims if one.claim.measure)
    assert len({(one.paper, one.claim.text) for one in claims}) == len(claims)
    assert {papers.contract(name).paper for name in papers.names()} == {c.paper for c in claims}


@pytest.mark.parametrize(
    ("beginning", "words"),
    [
        ("layers found by activation patching", "> 0"),
        ("where a share was hardly memorised", "> 0"),
    ],
)
def test_what_is_not_built_yet_has_its_bound(beginning, words):
    (claim,) = (one.claim for one in paper_claims() if one.claim.text.startswith(beginning))
    assert claim.reason.startswith("not built yet: ")
    assert claim.criterion.words() == words


def test_unit_tests_that_claims_name_exist():
    named = [
        name
        for one in paper_claims()
        if one.claim.reason.startswith("an exact property")
        for name in re.findall(r"tests/\S+\.py", one.claim.reason)
    ]
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_exact_properties_need_one_seed(scores, states):
    claim = Claim("text", (), lambda r: 0.1, Criterion("<", 1e-12, kind=EXACT))
    table = check(scores, states, [0], [PaperClaim("A paper", "core", claim)])
    assert table["verdict"].tolist() == ["fails"]


def test_the_table_counts_and_lists_both_kinds(scores):
    table = method_claims.build(TableData(["npo"], SEEDS, five(scores)))
    text = method_claims.markdown(table)
    tested = table[table["verdict"] != UNTESTED]
    assert f"holds {(tested['verdict'] == 'holds').sum()}, " in text
    assert text.count("\n| ") == len(table) + 2
    assert "0.2 [0.2, 0.2]" in text
    assert "which covers the median over seeds in 94%" in text


def test_modes_are_judged_by_the_lines_between_runs(scores, states):
    """Rises of the retain loss by hand: .01 to sign-Adam, .3 to the hybrid, .005 between seeds."""
    rises = {"to_npo_signadam": 0.01, "to_npo_hybrid": 0.3, "to_npo": 0.005}
    lines = pd.DataFrame(
        [
            dict(
                zip(
                    STATES,
                    ("tiny", "forget10", "npo", state, 0, "barrier", "retain", rise),
                    strict=True,
                )
            )
            for state, rise in rises.items()
        ]
    )
    hybrid = scores[scores["run"] == "npo"].assign(run="npo_hybrid")
    scores = pd.concat([scores, hybrid])
    found = verdicts(scores, pd.concat([states, lines]))
    values = {
        "modes of Adam and sign-Adam are connected linearly": 0.01,
        "modes of Adam and the hybrid are not": 0.3,
        "the hybrid lies further from Adam than sign-Adam does": 0.29,
        "and sign-Adam further from Adam than Adam of another seed": 0.005,
    }
    for beginning, value in values.items():
        row = starting(found, beginning)
        assert row["low"] == pytest.approx(value)
        assert row["verdict"] == "holds"
    without = starting(verdicts(scores, states), "modes of Adam and the hybrid are not")
    assert without["reason"] == "no line from npo to npo_hybrid"


PROBED = {
    "full": (0.9, 0.9, 0.1, 0.1, 0.2, 0.1),
    "grad_ascent": (0.0, 0.1, 0.6, 9.0, 0.7, 2.0),
    "grad_diff": (0.1, 0.5, 0.5, 3.0, 0.4, 1.1),
    "idk": (0.2, 0.6, 0.4, 2.0, 0.5, 1.0),
    "npo": (0.3, 0.3, 0.3, 5.0, 0.6, 1.5),
    "npo_retain": (0.4, 0.7, 0.2, 1.0, 0.3, 0.9),
    "simnpo": (0.5, 0.8, 0.1, 0.5, 0.2, 0.8),
    "rmu": (0.6, 0.4, 0.7, 4.0, 0.1, 1.2),
}


def probed(seed: int, runs=PROBED) -> pd.DataFrame:
    """Components of UQS and the distance to the oracle of runs, by hand."""
    names = [*VALUES.values(), "weight_distance"]
    rows = [
        ("tiny", "forget10", run, seed, 1, 1, "uqs_components", name, value)
        for run, values in runs.items()
        for name, value in zip(names, values, strict=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def test_claims_about_metrics_by_hand(states):
    table = pd.concat([probed(seed) for seed in SEEDS], ignore_index=True)
    rows = {
        row["claim"]: row for row in check(table, states, SEEDS, paper_claims()).to_dict("records")
    }
    far = starting(rows, "what answers least is not closest")
    assert (far["low"], far["verdict"]) == (pytest.approx(1.9), "holds")
    # Equal seeds: the others' weights are its own, by which retain accuracy outweighs the rest.
    lead = starting(rows, "with the weights of the other seeds")
    components = [dict(zip(VALUES, PROBED[run], strict=False)) for run in UNLEARNED]
    distances = [PROBED[run][-1] for run in UNLEARNED]
    fitted = quality_score.reliabilities(components * 4, distances * 4)
    weights = {name: one.weight for name, one in fitted.items()}
    scores = [quality_score.score(model, weights, "reciprocal") for model in components]
    ours = spearmanr(scores, [-distance for distance in distances]).statistic
    best = max(one.rho for one in quality_score.reliabilities(components, distances).values())
    assert lead["low"] == lead["high"] == pytest.approx(ours - best)
    pairs = starting(rows, "most pairs of metrics rank the methods apart")
    columns = np.array([PROBED[run][:5] for run in UNLEARNED]) * [-1, 1, -1, -1, -1]
    taus = [
        kendalltau(columns[:, a], columns[:, b]).statistic for a, b in combinations(range(5), 2)
    ]
    assert pairs["low"] == pytest.approx(sum(tau < 0.5 for tau in taus) / 10)
    one = check(probed(0), states, [0], paper_claims()).to_dict("records")
    (alone,) = (row for row in one if row["claim"].startswith("with the weights of the other"))
    assert "configure more" in alone["reason"]


def test_one_base_stands_beside_every_seed(scores, states):
    base = pd.DataFrame(run("base", [(0, 0.1, 0.2, 1.0)]), columns=COLUMNS)
    claim = Claim("text", ("base", "full"), lambda r: r.forget("full") - r.forget("base"))
    table = pd.concat([five(scores), base], ignore_index=True)
    (row,) = check(table, states, SEEDS, [PaperClaim("A paper", "core", claim)]).to_dict("records")
    assert json.loads(row["values"]) == {str(seed): pytest.approx(0.8) for seed in SEEDS}
