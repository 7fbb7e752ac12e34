"""The best epoch of a run, chosen on one half of the forget items and reported on the other.

The halves and the scores are those of a search (``lethe.analysis.search_ranking``). Early stopping
is the same choice among the epochs up to the first at which the validation score has not risen for
``patience`` epochs. Here it is computed from recorded scores, and ends no training;
``lethe.analysis.best_so_far`` applies it to a run while it trains.
"""

import os
from dataclasses import dataclass

from lethe.analysis.search_ranking import half_scores
from lethe.metrics.base import MetricFile, aligned, read_metric, value_of

# The score of a half that each criterion reads.
CRITERIA = {"closeness_and_utility": "{half}", "closeness": "{half}_closeness"}


@dataclass(frozen=True)
class Course:
    """Scores of a run's epochs on both halves; the higher, the better."""

    epochs: tuple[int, ...]
    validation: tuple[float, ...]
    test: tuple[float, ...]

    def best(self, among: int | None = None) -> int:
        """The position of the best of the first ``among`` epochs; of equal ones the earliest."""
        scores = self.validation[:among]
        return scores.index(max(scores))

    def stop(self, patience: int) -> int:
        """The position of the epoch after which training would have stopped."""
        for position in range(len(self.epochs)):
            if self.stalls(position, patience):
                return position
        return len(self.epochs) - 1

    def stalls(self, position: int, patience: int) -> bool:
        """Whether the score has not risen for ``patience`` epochs at a position."""
        return position - self.best(position + 1) >= patience


def course(
    ratios: MetricFile,
    utilities: MetricFile,
    oracle: MetricFile,
    full: MetricFile,
    criterion: str,
) -> Course:
    """A run's course from its ``truth_ratio`` and ``model_utility``, and those of oracle and full.

    LetheError if run and oracle were asked different questions, or if the run's two files hold
    different checkpoints.
    """
    whole = value_of(full, full.checkpoints[-1], "model_utility")
    epochs = sorted(aligned([ratios, utilities]), key=lambda row: row[0].epoch)
    scores = [
        half_scores(ratios, ratio, value_of(utilities, utility, "model_utility"), oracle, whole)
        for ratio, utility in epochs
    ]
    key = CRITERIA[criterion]
    validation, test = (
        tuple(row[key.format(half=half)] for row in scores) for half in ("validation", "test")
    )
    return Course(tuple(ratio.epoch for ratio, _ in epochs), validation, test)


def chosen_epoch(
    ratios: str | os.PathLike,
    utilities: str | os.PathLike,
    oracle: str | os.PathLike,
    full: str | os.PathLike,
    criterion: str,
) -> int:
    """The best epoch of a run, from files as ``course`` takes them."""
    files = (
        read_metric(path, name)
        for path, name in (
            (ratios, "truth_ratio"),
            (utilities, "model_utility"),
            (oracle, "truth_ratio"),
            (full, "model_utility"),
        )
    )
    scored = course(*files, criterion)
    return scored.epochs[scored.best()]
