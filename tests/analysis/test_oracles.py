"""Distances to oracles and between them, and what the documents say of the test."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from lethe.analysis.statistics import against_oracles, oracle_pairs
from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, MetricFile

QUESTIONS = [f"Question {number}?" for number in range(30)]


def ratios(shift, seed, questions=QUESTIONS, path="run", variant="geometric"):
    items = np.random.default_rng(seed).lognormal(shift, 0.5, len(questions)).tolist()
    point = CheckpointValues(0, 0, {"forget": 0.5}, {"forget": items}, {"forget": questions})
    return MetricFile("truth_ratio", [point], {"variant": variant}, path)


def sample(file):
    return file.checkpoints[0].items["forget"]


def test_against_every_oracle():
    run, oracles = ratios(0.4, 0), [ratios(0, seed) for seed in (1, 2, 3)]
    found = against_oracles(run, run.checkpoints[0], oracles)
    tests = [ks_2samp(sample(run), sample(oracle)) for oracle in oracles]
    assert found.p.tolist() == [test.pvalue for test in tests]
    assert found.ks.tolist() == [test.statistic for test in tests]
    assert found.log10_p == pytest.approx(np.log10(found.p))
    assert found.rejected == np.mean([test.pvalue < 0.05 for test in tests])


def test_every_pair_of_oracles_once():
    oracles = [ratios(0, seed) for seed in (1, 2, 3, 4)]
    pairs = oracle_pairs(oracles)
    assert len(pairs.p) == 6
    assert pairs.p[0] == ks_2samp(sample(oracles[0]), sample(oracles[1])).pvalue
    assert pairs.p[-1] == ks_2samp(sample(oracles[2]), sample(oracles[3])).pvalue


def test_a_single_oracle_has_no_pair():
    assert oracle_pairs([ratios(0, 1)]) is None
    assert oracle_pairs([]) is None


def test_position_counts_ties_half():
    pairs = oracle_pairs([ratios(0, seed) for seed in (1, 2, 3)])
    ordered = sorted(pairs.ks)
    assert pairs.position_of(ordered[0] - 0.01) == 0
    assert pairs.position_of(ordered[-1] + 0.01) == 1
    assert ordered[0] < ordered[1] < ordered[2]
    assert pairs.position_of(ordered[1]) == pytest.approx(0.5)
    assert pairs.position_of(ordered[2]) == pytest.approx(5 / 6)


def test_other_questions_are_refused():
    run = ratios(0, 0, path="ours.json")
    other = ratios(0, 1, [*QUESTIONS[1:], "Another?"], path="theirs.json")
    with pytest.raises(LetheError, match=r"ours\.json: 1 of its 30 .* theirs\.json"):
        against_oracles(run, run.checkpoints[0], [other])
    with pytest.raises(LetheError, match=r"theirs\.json"):
        oracle_pairs([run, other])


def test_other_settings_are_refused():
    run = ratios(0, 0)
    with pytest.raises(LetheError, match="arithmetic"):
        against_oracles(run, run.checkpoints[0], [ratios(0, 1, variant="arithmetic")])


def test_an_oracle_with_two_checkpoints_is_refused():
    run = ratios(0, 0)
    two = MetricFile("truth_ratio", run.checkpoints * 2, run.settings, "two.json")
    with pytest.raises(LetheError, match=r"two\.json: an oracle has 1 checkpoint, but this has 2"):
        against_oracles(run, run.checkpoints[0], [two])


# --- why there is no bootstrap of forget quality, and why the floor is needed ---


def test_resampling_pushes_the_statistic_up():
    """Of two samples of one distribution: a fifth of resamples "reject", and none covers 0."""
    random = np.random.default_rng(0)
    given, resampled, rejected = [], [], []
    for _ in range(12):
        ours, theirs = random.normal(size=(2, 100))
        given.append(ks_2samp(ours, theirs).statistic)
        again = [ks_2samp(random.choice(ours, 100), random.choice(theirs, 100)) for _ in range(60)]
        resampled.append(np.median([test.statistic for test in again]))
        rejected.append(np.mean([test.pvalue < 0.05 for test in again]))
        assert min(test.statistic for test in again) > 0
    assert np.mean(resampled) > 1.2 * np.mean(given)
    assert np.mean(rejected) > 0.12


def test_models_measured_on_the_same_items_are_rejected_too_seldom():
    """Truth ratios correlate between models, as the same questions are hard: p is too large."""
    random = np.random.default_rng(1)

    def share_rejected(correlation):
        items = np.sqrt(correlation) * random.normal(size=(600, 1, 120))
        pairs = items + np.sqrt(1 - correlation) * random.normal(size=(600, 2, 120))
        return np.mean([ks_2samp(*pair).pvalue < 0.05 for pair in pairs])

    assert 0.02 < share_rejected(0.0) < 0.07
    assert share_rejected(0.8) < 0.005
