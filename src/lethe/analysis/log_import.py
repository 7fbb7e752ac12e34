"""Evaluation logs of published checkpoints as a world's results: records, metric files, a table.

A folder of logs as open-unlearning publishes them becomes ``MODEL/SPLIT/RUN/seed0/records`` and
``metrics``, which ``lethe leaderboard`` and ``lethe compare`` read like those of own runs. What a
run is follows from its checkpoint's name (``lethe.evaluate.logs.checkpoint_names``).
"""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from lethe import metrics
from lethe.analysis.leaderboard import SCORES, scored
from lethe.analysis.log_scores import read_log
from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import sha256, write_text
from lethe.evaluate.logs import checkpoint_names
from lethe.evaluate.logs.checkpoint_names import ORACLE, CheckpointName
from lethe.evaluate.records import Records, write_records
from lethe.metrics.base import MetricFile, write_metric

LOGS = ("TOFU_EVAL.json", "eval_log_aggregated.json")
TABLE, SEED = "logs.csv", "seed0"
SUITE, RATIO, QUALITY = "tofu", "truth_ratio", "forget_quality"
_SPLIT = re.compile(r"forget\d\d")


@dataclass(frozen=True)
class Log:
    """A log, and what it is of; ``split`` is also that at which full was evaluated."""

    path: Path
    name: CheckpointName
    split: str


def import_logs(
    folder: str | Path, out: str | Path, variant: str = "geometric"
) -> tuple[pd.DataFrame, list[str]]:
    """Write results of all logs below ``folder`` to ``out``.

    Returned are a row for each run (model, split, run, method, its settings, scores), which
    ``out/logs.csv`` has too, and a note on each log that was left out or has no forget quality,
    which is computed where the oracle's log is there. ``variant``: of the truth ratio. LetheError
    if ``out`` is not empty, if no log can be read, or if two are of one run; then nothing is
    written.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise LetheError(f"{out}: not empty; name another folder")
    logs, notes = _found(Path(folder))
    read: dict[tuple[str, str, str], Records] = {}
    for place in list(logs):
        try:
            read[place] = replace(read_log(logs[place].path), log=sha256(logs[place].path))
        except LetheError as error:
            notes.append(f"left out: {error}")
    if not read:
        why = f": {notes[0]}" if notes else f"; it should hold {' or '.join(LOGS)}"
        raise LetheError(f"{folder}: no log of a published checkpoint{why}")
    made = {place: _scored(place, read, variant) for place in sorted(read)}
    notes += [fault for _, fault in made.values() if fault]
    table = pd.DataFrame([_row(p, logs[p].name, files) for p, (files, _) in made.items()])
    out.parent.mkdir(parents=True, exist_ok=True)
    # Under its name the folder is whole.
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as beside:
        whole = Path(beside) / "whole"
        for place, (files, _) in made.items():
            _write(whole.joinpath(*place, SEED).as_posix(), read[place], files)
        write_text(whole / TABLE, table.to_csv(index=False))
        whole.replace(out)
    return table, notes


def _write(run: str, records: Records, files: dict[str, MetricFile]) -> None:
    write_records(paths.records(run, SUITE), records)
    for metric, file in files.items():
        write_metric(paths.metric(run, metric), file)


def _found(folder: Path) -> tuple[dict[tuple[str, str, str], Log], list[str]]:
    """The logs by model, split and run, and a note on each other."""
    if not folder.is_dir():
        raise LetheError(f"{folder}: no such folder; name one with logs of published checkpoints")
    logs: dict[tuple[str, str, str], Log] = {}
    notes = []
    for path in sorted(_files(folder)):
        try:
            log = _of(path, folder)
        except LetheError as error:
            notes.append(f"left out: {error}")
            continue
        place = (log.name.model, log.split, log.name.run)
        if place in logs:
            raise LetheError(f"{path}: the same run as {logs[place].path}; leave one out")
        logs[place] = log
    return logs, notes


def _files(folder: Path) -> Iterator[Path]:
    for name in LOGS:
        yield from folder.rglob(name)


def _of(path: Path, folder: Path) -> Log:
    """What a log is of, by the nearest folder with a checkpoint's name."""
    above = [path.parents[up] for up in range(len(path.relative_to(folder.parent).parts) - 1)]
    for place in above:
        name = checkpoint_names.read(place.name)
        if name is not None:
            within = _SPLIT.search(path.parent.relative_to(place).as_posix())
            split = name.split or (within and within[0])
            if split is None:
                raise LetheError(
                    f"{path}: does not say at which split full was evaluated; put it in a folder "
                    "such as evals_forget10"
                )
            return Log(path, name, split)
    raise LetheError(f"{path}: in no folder with a published checkpoint's name; rename it")


def _scored(
    place: tuple[str, str, str], read: dict, variant: str
) -> tuple[dict[str, MetricFile], str | None]:
    """The metrics of a run, and why forget quality is not among them."""
    records, oracle = read[place], read.get((*place[:2], ORACLE))
    files = scored(records, {RATIO: {"variant": variant}})
    if oracle is None:
        return files, f"{records.path}: no log of its oracle, so no forget quality"
    theirs = {RATIO: metrics.compute(RATIO, oracle, variant=variant)}
    try:
        quality = metrics.compute(QUALITY, needs={RATIO: files[RATIO]}, oracle=theirs)
    except LetheError as error:
        return files, str(error)
    return files | {QUALITY: quality}, None


def _row(
    place: tuple[str, str, str], name: CheckpointName, files: dict[str, MetricFile]
) -> dict[str, object]:
    scores = {
        key: files[metric].checkpoints[-1].values[value]
        for key, (metric, value) in SCORES.items()
        if metric in files
    }
    model, split, run = place
    return {"model": model, "split": split, "run": run, "method": name.method, **scores} | {
        f"settings.{key}": value for key, value in name.settings.items()
    }
