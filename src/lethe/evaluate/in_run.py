"""Evaluating the epochs of a run in the process that trains it.

The records are byte for byte those that ``collect`` makes of the epochs' checkpoints: a second
model, loaded as evaluation loads one, gets each epoch's weights.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lethe.common.errors import LetheError
from lethe.common.files import write_json
from lethe.common.progress import silent
from lethe.evaluate import suite as suites
from lethe.evaluate.collect import read_set
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Checkpoint, Records, read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.model import checkpoint, families
from lethe.model.cost import Meter
from lethe.model.encoder import Encoder
from lethe.model.settings import Compute


@dataclass(frozen=True)
class Asked:
    """A suite, its rows by set, its settings, and the file for the records of all epochs.

    ``cost``: the file for the time that asking takes, if it is written.
    """

    suite: str
    rows: Mapping[str, Sequence[dict]]
    settings: Mapping[str, Any]
    out: Path
    cost: Path | None = None

    def part(self, epoch: int) -> Path:
        """The file of one epoch's records, until all are there."""
        return self.out.with_name(f"{self.out.stem}-epoch{epoch}.json")

    def point(self, epoch: int) -> Checkpoint:
        """The records of an epoch that has ended; LetheError if they are not there."""
        # A run that was killed after it had joined them has them in one file.
        file = self.part(epoch) if self.part(epoch).exists() else self.out
        points = {point.epoch: point for point in read_records(file).checkpoints}
        if epoch not in points:
            raise LetheError(f"{file}: no epoch {epoch}; delete the run's folder, and run it again")
        return points[epoch]


def read_asked(
    suite: str,
    how: Mapping[str, Any],
    files: Sequence[str | Path],
    out: str | Path,
    cost: Path | None = None,
) -> Asked:
    """A suite with its rows from files, one for each set.

    ``how``: the names of the ``sets``, how many rows of each at ``most``, and the ``settings``.
    """
    rows = {
        name: read_set(file, how["most"][name])
        for name, file in zip(how["sets"], files, strict=True)
    }
    return Asked(suite, rows, how["settings"], Path(out), cost)


@dataclass
class RunEvaluation:
    """Called after each epoch (``ended`` of ``unlearn``); ``finish`` writes the records.

    ``start``: the checkpoint from which the run starts. ``threads``: those of evaluation (None: as
    in training), since another number of them rounds differently. ``meter``: of the training, which
    does not count what is spent here. An epoch's records are on disk when the next one begins, so
    that a run that is resumed has them.
    """

    start: str | Path
    asked: Sequence[Asked]
    template: str | Mapping[str, Any] = "chat"
    limits: Limits = field(default_factory=Limits)
    compute: Compute = field(default_factory=Compute)
    device: str = "cpu"
    threads: int | None = None
    meter: Meter | None = None
    report: Callable[[int, int], None] = silent

    def __post_init__(self):
        self.model, self.evaluations = None, {}
        # By suite, in this process.
        self.costs = {one.suite: Counter() for one in self.asked}
        for one in self.asked:
            declared = suites.contract(one.suite)
            if declared.reference is not None:
                raise LetheError(
                    f"suite '{one.suite}': compares with another model and is not asked while one "
                    "trains; set evaluation.in_run to false"
                )
            family = families.of_source(self.start)
            families.check(declared.families, family, f"suite '{one.suite}'", str(self.start))
            suites.check(one.suite, one.rows, one.settings)

    def __call__(self, epoch: int, step: int, model) -> None:
        """Ask a model after an epoch; its weights, mode and gradients stay as they are."""
        with self.aside():
            self._take_weights(model)
            for one in self.asked:
                with Meter() as own:
                    point = self.evaluations[one.suite](self.model, epoch, step)
                self.costs[one.suite].update(own.spent())
                write_records(one.part(epoch), Records(one.suite, [point]))

    def finish(self, epochs: Sequence[int]) -> int:
        """Write the records of these epochs, and the costs; how many items they are."""
        items = 0
        for one in self.asked:
            records = Records(one.suite, [one.point(epoch) for epoch in epochs])
            write_records(one.out, records)
            for epoch in epochs:
                one.part(epoch).unlink(missing_ok=True)
            items += records.items
            if one.cost is not None:
                spent = {name: round(value, 3) for name, value in self.costs[one.suite].items()}
                write_json(one.cost, {**spent, "items": records.items})
        return items

    def _take_weights(self, model) -> None:
        if self.model is None:
            loading = self.compute.loading()
            self.model, tokenizer = checkpoint.load(
                self.start, self.device, **loading, template=self.template
            )
            encoder = Encoder(tokenizer, self.template, self.limits.max_length)
            self.evaluations = {
                one.suite: Evaluation(
                    one.suite, encoder, one.rows, self.limits, settings=one.settings
                )
                for one in self.asked
            }
        weights = model.state_dict()
        if weights.keys() != self.model.state_dict().keys():
            raise LetheError(
                "evaluation.in_run: the model that trains has other weights than its checkpoint "
                "(adapters?); set it to false"
            )
        self.model.load_state_dict(weights)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """With the threads of evaluation, and outside the training's cost."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads or before)
        own = Meter()
        try:
            with own:
                yield
        finally:
            torch.set_num_threads(before)
            if self.meter is not None:
                spent = own.spent()
                self.meter.wall += spent["wall_seconds"]
                self.meter.cpu += spent["cpu_seconds"]
