"""Membership: whether losses tell forgotten answers from answers that no model has seen.

Each forgotten answer is ranked among the never-seen ones by four attacks. A rank near either end
gives it away: an answer that is less familiar than any never-seen one was pushed away on purpose
(two-sided, as PrivLeak of MUSE, arXiv 2407.06460).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lethe import metrics
from lethe.analysis.audit.measured import Measured

TITLE = "Membership"
MEASURES = (
    "how far from the middle a forgotten answer's familiarity ranks among never-seen answers "
    "(0: in the middle, 1: at an end), mean of four attacks"
)
EXAMPLE = "how familiar the true answer looks"
SUITES = ("tokens",)
METRICS = (
    "membership_loss",
    "membership_zlib",
    "membership_min_k",
    "membership_min_k_plus_plus",
)
READS = ("forget", "holdout")


def measure(subject, settings: Mapping[str, Any]) -> Measured:
    """|2r - 1| by question, r the share of never-seen answers that look less familiar.

    chance: the same of each never-seen answer among the others.
    """
    rows = {name: subject.rows(name, settings["items"]) for name in READS}
    recorded = subject.recorded("tokens", rows)
    scores = [metrics.compute(name, recorded).checkpoints[0].items for name in METRICS]
    ranks = np.mean([ranked(one["forget"], one["holdout"]) for one in scores], axis=0)
    unseen = np.mean([ranked(one["holdout"], one["holdout"]) for one in scores], axis=0)
    items = recorded.checkpoints[0].sets["forget"]
    said = [f"more familiar than {rank:.0%} of the never-seen answers" for rank in ranks]
    values, chance = np.abs(2 * ranks - 1), np.abs(2 * unseen - 1)
    return Measured(items.question, items.answer, values.tolist(), said, chance.tolist())


def ranked(scores, among) -> np.ndarray:
    """The share of ``among`` whose score is higher, ties half: [n]."""
    own, others = np.asarray(scores)[:, None], np.asarray(among)[None, :]
    return ((others > own) + (others == own) / 2).mean(axis=1)
