"""The best epoch of a run while it trains: its checkpoint is kept, and early stopping ends the run.

The scores are those of ``lethe.analysis.best_epoch``, computed from the records of the epochs so
far, so the choice is the one that would be made afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lethe import metrics
from lethe.analysis.best_epoch import Course, course
from lethe.analysis.search_ranking import halves
from lethe.common.errors import LetheError
from lethe.common.files import write_json
from lethe.evaluate.in_run import Asked, RunEvaluation
from lethe.evaluate.records import Records
from lethe.metrics.base import MetricFile, read_metric
from lethe.unlearn.unlearning import After

# The number that an epoch's score reads, besides the truth ratios that it is made from as well.
UTILITY = "model_utility"


@dataclass
class BestSoFar:
    """Called after each epoch (``ended`` of ``unlearn``); ``finish`` writes records and choice.

    ``evaluation`` asks each epoch and must ask TOFU's suite. ``oracle`` and ``full`` are the files
    of the oracle's ``truth_ratio`` and of the full model's ``model_utility``; ``settings`` those of
    metrics, by name. ``epochs``: how many the run has if it is not ended. ``best``: the folder of
    the best epoch's checkpoint, ``last``: of the one that the run ends with; None: it is not kept.
    ``patience``: the run ends once so many epochs brought nothing better; None: it never does.
    """

    evaluation: RunEvaluation
    oracle: str | Path
    full: str | Path
    criterion: str
    epochs: int
    best: Path | None = None
    last: Path | None = None
    patience: int | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self):
        suite = metrics.contract("truth_ratio").suite
        asked = {one.suite: one for one in self.evaluation.asked}
        if suite not in asked:
            raise LetheError(f"the best epoch is chosen by suite {suite}; ask it as well")
        self.asked: Asked = asked[suite]
        self.of_oracle = read_metric(self.oracle, "truth_ratio")
        self.of_full = read_metric(self.full, UTILITY)
        # Otherwise too few items would show only after an epoch.
        halves(self.of_oracle.checkpoints[-1].items["forget"])
        self.measured: dict[int, dict[str, MetricFile]] = {}
        self.course: Course | None = None

    def __call__(self, epoch: int, step: int, model) -> After:
        """Ask a model after an epoch, and say where its checkpoint goes and whether the run ends.

        LetheError if oracle and run were asked different questions.
        """
        self.evaluation(epoch, step, model)
        with self.evaluation.aside():
            self.course = self._course_until(epoch)
        position = len(self.course.epochs) - 1
        ends = self.patience is not None and self.course.stalls(position, self.patience)
        folders = {
            self.best: self.course.best() == position,
            self.last: ends or epoch == self.epochs,
        }
        return After(tuple(one for one, here in folders.items() if one and here), ends)

    def finish(self, chosen: str | Path | None = None) -> None:
        """Write the records of the epochs that were trained; the best one's number to ``chosen``.

        To be called after the run.
        """
        self.evaluation.finish(self.course.epochs)
        if chosen is not None:
            write_json(chosen, {"epoch": self.course.epochs[self.course.best()]})

    def _course_until(self, epoch: int) -> Course:
        # Not all records on disk: a run that resumes from an older state may have later ones.
        points = [self._measured(number) for number in range(1, epoch + 1)]
        ratios, utilities = (
            MetricFile(name, [point[name].checkpoints[0] for point in points])
            for name in ("truth_ratio", UTILITY)
        )
        return course(ratios, utilities, self.of_oracle, self.of_full, self.criterion)

    def _measured(self, epoch: int) -> dict[str, MetricFile]:
        """The metrics of an epoch, by name."""
        if epoch not in self.measured:
            records = Records(self.asked.suite, [self.asked.point(epoch)])
            files: dict[str, MetricFile] = {}
            for name in (*metrics.contract(UTILITY).needs, UTILITY):
                files[name] = metrics.compute(name, records, files, **self.settings.get(name, {}))
            self.measured[epoch] = files
        return self.measured[epoch]
