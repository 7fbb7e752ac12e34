"""What ``docs/statistics.md`` says of the published Llama-2 logs."""

import numpy as np
import pytest
from helpers.shared_data import shared_folder
from scipy.stats import spearmanr

from lethe import metrics
from lethe.analysis.log_scores import read_log
from lethe.analysis.statistics import oracle_pairs
from lethe.metrics.truth_ratio import scores

# Questions of each author, in the order of the log.
AUTHOR = 20


def log(run):
    return read_log(shared_folder("oracle", "llama2", run) / "eval_log_aggregated.json")


@pytest.mark.parametrize("split", ["retain90", "retain95", "retain99"])
def test_published_oracles_agree_far_better_than_chance(split):
    """Two oracles that differ in weight decay alone: p near 1, where chance gives any p."""
    files = [metrics.compute("truth_ratio", log(f"{split}_wd{decay}")) for decay in ("0", "0.01")]
    assert oracle_pairs(files).p[0] > 0.99
    by_question = [
        dict(zip(c.questions["forget"], c.items["forget"], strict=True))
        for c in (file.checkpoints[0] for file in files)
    ]
    pairs = [(ratio, by_question[1][question]) for question, ratio in by_question[0].items()]
    assert spearmanr(pairs).statistic > 0.99


@pytest.mark.parametrize("run", ["full_wd0.01", "retain90_wd0.01"])
def test_questions_of_one_author_are_alike(run):
    """The standard error with authors as units, over that with questions as units."""
    records = log(run)
    for metric in ("probability", "rouge", "truth_ratio"):
        items = np.array(metrics.compute(metric, records).checkpoints[0].items["forget"])
        if metric == "truth_ratio":
            items = scores("forget", np.log(items))
        authors = items.reshape(-1, AUTHOR).mean(axis=1)
        ratio = authors.std(ddof=1) / np.sqrt(len(authors)) * np.sqrt(len(items)) / items.std()
        assert 1.05 < ratio < 1.85
