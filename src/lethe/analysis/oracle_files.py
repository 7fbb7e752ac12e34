"""Reading what an oracle answered before: its records, metric files, evaluation, or a log.

A folder of records or metric files, the file that ``lethe evaluate`` wrote of the oracle, or a
finished log of another program (``lethe.analysis.log_scores``).
"""

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lethe import metrics
from lethe.analysis.known_oracle import KnownOracle, asked_how, asked_template
from lethe.analysis.log_scores import read_log
from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import GIVEN, read_json
from lethe.evaluate import suite as suites
from lethe.evaluate.records import Checkpoint, Records, read_records
from lethe.metrics.base import (
    FORMAT,
    CheckpointValues,
    MetricFile,
    metric_file,
    only_recorded,
    read_metric,
)
from lethe.model import checkpoint_record

log = logging.getLogger(__name__)
# What changes numbers, and not every file says of the oracle.
ASKED = ("template", "limits", "dtype")


def read(place: str | os.PathLike | None) -> KnownOracle | None:
    """What is known of an oracle at ``place``; None for a checkpoint, or something else.

    A run's folder, its ``records`` or ``metrics``; a records file; the file of ``lethe evaluate``;
    a log. LetheError for a file that is broken or of several checkpoints.
    """
    if place is None or not Path(place).exists():
        return None
    path = Path(place)
    known = None
    if path.is_dir():
        known = _of_folder(path)
    elif path.suffix == ".json":
        known = _of_file(path)
    if known is None:
        return None
    known = replace(known, place=str(place), how={**_trained(path), **known.how})
    unsaid = [key for key in ASKED if key not in known.how]
    if unsaid:
        log.warning("%s: does not say its %s; taken as here", place, ", ".join(unsaid))
    return known


def checkpoint_of(place: str | os.PathLike) -> Path:
    """The checkpoint of the run whose records or metric files lie at ``place``, if it is here."""
    path = Path(place)
    folder = path.parent if path.is_file() else path
    run = folder.parent if folder.name in ("records", "metrics") else folder
    trained = Path(paths.state_checkpoint(str(run)))
    return trained if (trained / paths.DIGEST).exists() else path


def _of_folder(folder: Path) -> KnownOracle | None:
    inside = {name: folder / name for name in ("records", "metrics")}
    if not any(place.is_dir() for place in inside.values()):
        inside = {"records": folder, "metrics": folder}
    records = {
        name: _of_oracle(read_records(file))
        for name, file in _named(inside["records"], suites.names())
        if _is(file, "suite")
    }
    files = {
        name: _one(read_metric(file, name))
        for name, file in _named(inside["metrics"], metrics.names())
        if _is(file, "metric")
    }
    return KnownOracle(str(folder), records, files) if records or files else None


def _named(folder: Path, names: Iterable[str]) -> list[tuple[str, Path]]:
    places = [(name, folder / f"{name}.json") for name in names]
    return [(name, file) for name, file in places if file.is_file()]


def _is(file: Path, key: str) -> bool:
    """Whether a file is of records (``suite``) or of a metric; some have one name."""
    document = read_json(file, GIVEN)
    return isinstance(document, dict) and key in document


def _of_file(file: Path) -> KnownOracle:
    document = read_json(file, GIVEN)
    place = str(file)
    if isinstance(document, dict) and "suite" in document:
        records = _of_oracle(read_records(file))
        return KnownOracle(place, {records.suite: records})
    if isinstance(document, dict) and "skipped" in document and "metrics" in document:
        return _of_evaluation(place, document)
    if isinstance(document, dict) and "metric" in document:
        name = document["metric"]
        metrics.METRICS.check(name, place)
        return KnownOracle(place, files={name: _one(read_metric(file, name))})
    return KnownOracle(place, {"tofu": read_log(file)}, log=True)


def _of_evaluation(place: str, document: Mapping[str, Any]) -> KnownOracle:
    """The file that ``lethe evaluate`` wrote of an oracle."""
    if "attack" in document:
        raise LetheError(f"{place}: of a checkpoint after an attack; name an oracle's")
    try:
        how = asked_how(
            document["template"],
            document["limits"],
            document.get("suite_settings", {}),
            document["compute"]["dtype"],
        )
        entries = {name: _metric(name, entry, place) for name, entry in document["metrics"].items()}
    except (KeyError, TypeError, AttributeError):
        raise LetheError(f"{place}: not what lethe evaluate writes; {GIVEN}") from None
    return KnownOracle(place, files=entries, how=how)


def _metric(name: str, entry: Mapping[str, Any], place: str) -> MetricFile:
    keys = ("values", "items", "questions")
    checkpoint = {"epoch": 0, "step": 0, **{key: entry[key] for key in keys}}
    document = {"format": FORMAT, "metric": name, "settings": entry["settings"]}
    return metric_file({**document, "checkpoints": [checkpoint]}, name, place, GIVEN)


def _of_oracle(records: Records) -> Records:
    _check_epoch(only_recorded(records, "an oracle"), records.path)
    return records


def _one(file: MetricFile) -> MetricFile:
    if len(file.checkpoints) != 1:
        raise LetheError(
            f"{file.place}: an oracle has 1 checkpoint, this {len(file.checkpoints)}; name another"
        )
    _check_epoch(file.checkpoints[0], file.place)
    return file


def _check_epoch(only: Checkpoint | CheckpointValues, place: str) -> None:
    if only.epoch:
        raise LetheError(
            f"{place}: epoch {only.epoch} of an unlearned model; name an oracle, which has none"
        )


def _trained(path: Path) -> dict[str, Any]:
    """The template in which the oracle of these records was trained, and so asked."""
    trained = checkpoint_of(path)
    if not (trained / paths.DIGEST).exists():
        return {}
    template = checkpoint_record.read(trained)["origin"].get("template")
    return {} if template is None else {"template": asked_template(template)}
