"""What all metrics share: their inputs, their values, and the metric file with its checks.

The format is described in ``docs/architecture.md`` and ``docs/metrics.md``. numpy is not imported
here, so that metrics that only combine other metrics start quickly.
"""

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lethe.common.errors import LetheError
from lethe.common.files import read_json, write_text
from lethe.common.numbers import finite

if TYPE_CHECKING:
    from lethe.evaluate.records import Checkpoint, ItemSet, Records

FORMAT = 1
REMEDY = "delete the file to have it made again"


@dataclass(frozen=True)
class CheckpointValues:
    """The numbers of one checkpoint.

    ``values`` are the numbers shown in tables. ``items`` are the values of a set's items, in the
    order of the records; ``questions`` their texts, where another metric pairs them.
    """

    epoch: int
    step: int
    values: dict[str, float]
    items: dict[str, list[float]] = field(default_factory=dict)
    questions: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricFile:
    """A metric of one run, with the settings it was computed with; ``path`` is for messages."""

    metric: str
    checkpoints: list[CheckpointValues]
    settings: dict[str, Any] = field(default_factory=dict)
    path: str = ""

    @property
    def place(self) -> str:
        return self.path or f"metric '{self.metric}'"


@dataclass(frozen=True)
class Inputs:
    """All that a metric may read; only what its constants declare is filled in.

    For a metric of an attack, ``records`` and ``oracle_records`` are those after it, and ``before``
    and ``oracle_before`` those before it.
    """

    records: "Records | None" = None
    needs: dict[str, MetricFile] = field(default_factory=dict)
    oracle: dict[str, MetricFile] | None = None
    full: dict[str, MetricFile] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    oracle_records: "Records | None" = None
    before: "Records | None" = None
    oracle_before: "Records | None" = None
    base: dict[str, MetricFile] | None = None
    oracles: dict[str, dict[str, MetricFile]] | None = None


def items_of(inputs: Inputs, checkpoint: "Checkpoint", name: str) -> "ItemSet":
    """The items of a set; LetheError if the suite did not record it."""
    if name not in checkpoint.sets:
        have = ", ".join(checkpoint.sets)
        raise LetheError(
            f"{inputs.records.path}: no set '{name}' (it has {have}); "
            "score this metric on a suite that records it"
        )
    return checkpoint.sets[name]


def column_of(inputs: Inputs, checkpoint: "Checkpoint", name: str, column: str):
    """A column of a set; LetheError if the suite did not record set or column."""
    values = getattr(items_of(inputs, checkpoint, name), column)
    if values is None:
        raise LetheError(
            f"{inputs.records.path}: epoch {checkpoint.epoch}, set '{name}': no column '{column}'; "
            "score this metric on a suite that records it"
        )
    return values


def only_checkpoint(file: MetricFile, what: str) -> CheckpointValues:
    """The one checkpoint of an oracle's or the full model's file; LetheError if there are more."""
    return _only(file.checkpoints, file.place, what)


def only_recorded(records: "Records", what: str) -> "Checkpoint":
    """The one checkpoint of an oracle's records; LetheError if there are more."""
    return _only(records.checkpoints, records.path, what)


def recorded_oracle(inputs: Inputs) -> "Checkpoint | None":
    """The one checkpoint of the oracle's records, if there are any; LetheError for several."""
    if inputs.oracle_records is None:
        return None
    return only_recorded(inputs.oracle_records, "an oracle")


def _only(checkpoints: list, place: str, what: str):
    if len(checkpoints) != 1:
        raise LetheError(
            f"{place}: {what} has 1 checkpoint, but this has {len(checkpoints)}; name another"
        )
    return checkpoints[0]


def value_of(file: MetricFile, checkpoint: CheckpointValues, name: str) -> float:
    """A value of a metric file; LetheError if it is missing."""
    if name not in checkpoint.values:
        raise LetheError(f"{file.place}: no value '{name}'; {REMEDY}")
    return checkpoint.values[name]


def aligned(files: Iterable[MetricFile]) -> list[tuple[CheckpointValues, ...]]:
    """Checkpoints of several metric files of one run, side by side; LetheError if they differ."""
    files = list(files)
    first = [(checkpoint.epoch, checkpoint.step) for checkpoint in files[0].checkpoints]
    for other in files[1:]:
        if [(checkpoint.epoch, checkpoint.step) for checkpoint in other.checkpoints] != first:
            raise LetheError(
                f"{other.place}: not the checkpoints of {files[0].place}; "
                "delete both files to have them made again"
            )
    return list(zip(*(file.checkpoints for file in files), strict=True))


def mean(numbers: Sequence[float]) -> float:
    """The mean of numbers, summed exactly."""
    return math.fsum(numbers) / len(numbers)


def harmonic_mean(numbers: list[float]) -> float:
    """n / sum(1/x) of numbers >= 0; 0 if one of them is 0."""
    if min(numbers) == 0:
        return 0.0
    return len(numbers) / math.fsum(1 / number for number in numbers)


def read_metric(path: str | os.PathLike, name: str) -> MetricFile:
    """Read and check the file of metric ``name``; LetheError names the file and the fault."""
    return _metric(read_json(path), name, str(path), REMEDY)


def write_metric(path: str | os.PathLike, file: MetricFile) -> None:
    """Write a metric file, atomically; the same numbers give the same bytes.

    A value that is not finite raises a LetheError and leaves no file.
    """
    document: dict[str, Any] = {"format": FORMAT, "metric": file.metric}
    if file.settings:
        document["settings"] = dict(file.settings)
    document["checkpoints"] = [_entry(checkpoint) for checkpoint in file.checkpoints]
    _metric(document, file.metric, str(path), "nothing was written: check the records")
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    write_text(path, text + "\n")


def _entry(checkpoint: CheckpointValues) -> dict[str, Any]:
    entry = {"epoch": checkpoint.epoch, "step": checkpoint.step, "values": checkpoint.values}
    if checkpoint.items:
        entry["items"] = checkpoint.items
    if checkpoint.questions:
        entry["questions"] = checkpoint.questions
    return entry


def _metric(document: Any, name: str, path: str, remedy: str) -> MetricFile:
    check = _Check(path, remedy)
    check.that(isinstance(document, dict), "not a metric file")
    check.that(document.get("format") == FORMAT, f"not a metric file of format {FORMAT}")
    metric = document.get("metric")
    check.that(metric == name, f"holds the metric {metric!r}, not '{name}'")
    settings = document.get("settings", {})
    check.that(_maps(settings, _setting), "broken key 'settings'")
    entries = document.get("checkpoints")
    check.that(isinstance(entries, list) and bool(entries), "no checkpoints")
    checkpoints = [_checkpoint(entry, check) for entry in entries]
    places = {(checkpoint.epoch, checkpoint.step) for checkpoint in checkpoints}
    check.that(len(places) == len(checkpoints), "two checkpoints have the same epoch and step")
    keys = {tuple(sorted(checkpoint.values)) for checkpoint in checkpoints}
    check.that(len(keys) == 1, "its checkpoints do not have the same values")
    return MetricFile(name, checkpoints, settings, path)


def _checkpoint(entry: Any, check: "_Check") -> CheckpointValues:
    check.that(isinstance(entry, dict), "a checkpoint is not an object")
    for key in ("epoch", "step"):
        whole = type(entry.get(key)) is int and entry[key] >= 0
        check.that(whole, f"'{key}' of a checkpoint is not a whole number")
    at = f"epoch {entry['epoch']}: "
    values, items = entry.get("values"), entry.get("items", {})
    questions = entry.get("questions", {})
    check.that(_maps(values, _finite) and values, f"{at}'values' are not finite numbers by name")
    check.that(_maps(items, _list_of(_finite)), f"{at}'items' are not lists of finite numbers")
    text = _list_of(lambda value: isinstance(value, str))
    check.that(_maps(questions, text), f"{at}'questions' are not lists of texts")
    for name, texts in questions.items():
        have = len(items.get(name, []))
        check.that(have == len(texts), f"{at}{have} items of '{name}' for {len(texts)} questions")
    return CheckpointValues(entry["epoch"], entry["step"], values, items, questions)


@dataclass(frozen=True)
class _Check:
    path: str
    remedy: str

    def that(self, condition: Any, why: str) -> None:
        if not condition:
            raise LetheError(f"{self.path}: {why}; {self.remedy}")


def _finite(value: Any) -> bool:
    # type() and not isinstance(): true and false are not numbers here.
    return type(value) in (int, float) and finite(value)


def _setting(value: Any) -> bool:
    return isinstance(value, str) or _finite(value)


def _list_of(allowed):
    return lambda value: isinstance(value, list) and bool(value) and all(map(allowed, value))


def _maps(value: Any, allowed) -> bool:
    return isinstance(value, dict) and all(map(allowed, value.values()))
