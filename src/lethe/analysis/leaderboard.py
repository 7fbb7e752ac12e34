"""A leaderboard: runs of several worlds, models and machines, each score checked by its records.

An entry is one run of a results folder. All its scores are computed again from its records and
those of its oracle; an entry whose metric files say otherwise is refused. This shows that scores
follow from records, not that records are honest: entries are *self-reported* until somebody has run
the configuration again (``rerun``). Entries are comparable only where they answer the same rows
with the same model, so each carries the digest of its rows.
"""

import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.common.files import read_json, sha256
from lethe.evaluate.records import Records, read_records
from lethe.metrics.base import MetricFile, read_metric

SUITE, ORACLE = "tofu", "retain"
# Computed in this order, each from records and from those before it.
CHAIN = ("probability", "rouge", "truth_ratio", "model_utility", "forget_quality")
SCORES = {
    "model_utility": ("model_utility", "model_utility"),
    "log10_forget_quality": ("forget_quality", "log10_forget_quality"),
    "forget_probability": ("probability", "forget"),
    "forget_rouge": ("rouge", "forget"),
}
# The last digits of a score differ between processors.
ROUNDING = {"rtol": 1e-6, "atol": 1e-12}
# Scores of a training that was run again on another machine.
NEAR = {"model_utility": 0.02, "forget_probability": 0.02, "log10_forget_quality": 1.0}
SELF_REPORTED, REPRODUCED, DIFFERS = "self-reported", "reproduced", "not reproduced"
# What a submission says about itself: a file beside its runs.
ABOUT, SAID = "submission.json", ("name", "by", "link", "note")
# Records of ten epochs on the published TOFU have some tens of megabytes. What is larger than this
# is not read: it would take the memory of whoever gathers, not of whoever submits.
LARGEST_MIB = 1024
# Seeds and epochs are 64-bit whole numbers in Parquet.
LARGEST_NUMBER = 2**63 - 1


@dataclass(frozen=True)
class Entry:
    """A run with its scores at its last epoch; ``rows``: the digest of what was asked.

    ``records`` and ``oracle``: SHA-256 of the records' files; ``settings``: those of the metrics;
    ``link`` and ``note``: what the submission says.
    """

    submission: str
    by: str
    world: str
    model: str
    split: str
    run: str
    seed: int
    epoch: int
    model_utility: float
    log10_forget_quality: float
    forget_probability: float
    forget_rouge: float
    rows: str
    records: str
    oracle: str
    standing: str = SELF_REPORTED
    settings: str = ""
    link: str = ""
    note: str = ""

    @property
    def place(self) -> tuple:
        """The key by which a rerun is matched with its original."""
        return (self.rows, self.settings, self.model, self.split, self.run, self.seed)


@dataclass(frozen=True)
class Refused:
    """A run that was refused an entry, and why."""

    place: str
    why: str


def gather(
    folders: Sequence[str | Path], reruns: Sequence[str | Path] = ()
) -> tuple[list[Entry], list[Refused]]:
    """The entries of results folders of worlds (``results/WORLD``), and what was refused.

    ``reruns``: such folders from others who ran the same configurations again; if there are several
    of a run, each must be near it. LetheError for a folder without runs, for a broken
    ``submission.json``, for a run that two folders submit under one name, for names that only look
    alike, and for a folder that is to be its own rerun.
    """
    own, others = _distinct(folders), _distinct(reruns)
    for folder in own.keys() & others.keys():
        raise LetheError(f"{others[folder]}: submitted as well; a rerun is another folder")
    entries, refused = _gathered(own.values())
    _submitted_once(entries)
    _unlike(entries)
    again, broken = _gathered(others.values())
    standing = [
        replace(one, standing=_standing(one, [e for e in again if e.place == one.place]))
        for one in entries
    ]
    return standing, [*refused, *broken]


def table(entries: Iterable[Entry]) -> pd.DataFrame:
    """A row for each entry, in the order of submission, world, model, split, run and seed."""
    rows = sorted(map(asdict, entries), key=lambda row: tuple(map(str, row.values())))
    return pd.DataFrame(rows, columns=list(Entry.__dataclass_fields__))


def about(folder: str | Path) -> dict[str, str]:
    """What ``submission.json`` says; without one, the folder's name."""
    folder = Path(folder)
    path = folder / ABOUT
    if not os.path.lexists(path):
        return {"name": folder.resolve().name}
    said = read_json(_checked(path, "write it again"), "write it again (docs/leaderboard.md)")
    if not isinstance(said, dict) or not all(isinstance(text, str) for text in said.values()):
        raise LetheError(f"{path}: not texts by name; write {', '.join(SAID)}")
    unknown = [key for key in said if key not in SAID]
    if unknown:
        raise LetheError(f"{path}: unknown key {unknown[0]!r}; it may have {', '.join(SAID)}")
    return {"name": folder.resolve().name} | said


def _distinct(folders: Iterable[str | Path]) -> dict[Path, Path]:
    """Folders by where they really are: one that is named twice is one."""
    return {Path(folder).resolve(): Path(folder) for folder in folders}


def _submitted_once(entries: Iterable[Entry]) -> None:
    """LetheError if a submission has a run twice: they would be counted as two seeds of it."""
    seen = set()
    for one in entries:
        which = (one.submission, one.world, *one.place)
        if which in seen:
            raise LetheError(
                f"{one.run}, seed {one.seed}: twice in the submission {one.submission!r}; give one "
                f"folder another name in {ABOUT} (docs/leaderboard.md)"
            )
        seen.add(which)


def _unlike(entries: Iterable[Entry]) -> None:
    """LetheError if two submissions have names that differ in what nobody sees."""
    names: dict[str, str] = {}
    for one in entries:
        other = names.setdefault(_look(one.submission), one.submission)
        if other != one.submission:
            raise LetheError(
                f"{one.submission!a} and {other!a}: names of submissions that look alike; give one "
                f"another name in {ABOUT} (docs/leaderboard.md)"
            )


def _look(name: str) -> str:
    """A name without case, spaces and characters that are not seen, such as U+200B."""
    whole = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in whole if not c.isspace() and unicodedata.category(c)[0] != "C")


def _gathered(folders: Iterable[Path]) -> tuple[list[Entry], list[Refused]]:
    entries, refused = [], []
    for folder in folders:
        said, runs = about(folder), _runs(folder)
        if not runs:
            raise LetheError(f"{folder}: no records of runs; name a folder results/WORLD")
        for run in runs:
            try:
                entries.append(_entry(folder, run, said))
            except (LetheError, OSError) as error:
                refused.append(Refused(str(run), str(error)))
    return entries, refused


def _runs(folder: Path) -> list[Path]:
    """The runs, and the oracles with which they are compared, but no further oracles."""
    runs = [records.parent for records in sorted(folder.glob("*/*/*/seed*/records"))]
    seeds = {(run.parents[1], run.name) for run in runs if run.parent.name != ORACLE}
    return [run for run in runs if (run.parents[1], run.name) in seeds]


def _entry(folder: Path, run: Path, said: Mapping[str, str]) -> Entry:
    model, split, name, seed = run.relative_to(folder).parts
    number = seed.removeprefix("seed")
    if not (number.isascii() and number.isdigit()) or seed != f"seed{int(number)}":
        raise LetheError(f"{seed} is not a seed; leave it out")
    records, oracle = _records(run), _records(folder / model / split / ORACLE / seed)
    files = _scored_again(run, records, oracle)
    last = {metric: file.checkpoints[-1] for metric, file in files.items()}
    scores = {key: last[metric].values[value] for key, (metric, value) in SCORES.items()}
    digests = {"records": sha256(records.path), "oracle": sha256(oracle.path)}
    if name != ORACLE and digests["records"] == digests["oracle"]:
        raise LetheError(f"{records.path}: the records of its oracle; evaluate the run itself")
    epoch = records.checkpoints[-1].epoch
    if max(int(number), epoch) > LARGEST_NUMBER:
        raise LetheError(f"{records.path}: a seed or an epoch of more than 64 bits; leave it out")
    return Entry(
        said["name"],
        said.get("by", ""),
        folder.resolve().name,
        model,
        split,
        name,
        int(number),
        epoch,
        **scores,
        rows=_rows(records),
        **digests,
        settings=_settings(files),
        link=said.get("link", ""),
        note=said.get("note", ""),
    )


def _settings(files: Mapping[str, MetricFile]) -> str:
    """The settings that scores were computed with; scores under others cannot be compared."""
    chosen = (
        (metric, *pair) for metric in CHAIN for pair in sorted(files[metric].settings.items())
    )
    return ", ".join(f"{metric}.{name}={value}" for metric, name, value in chosen)


def _records(run: Path) -> Records:
    path = run / "records" / f"{SUITE}.json"
    return read_records(_checked(path, "an entry needs the records of run and oracle"))


def _checked(path: Path, remedy: str) -> Path:
    """The path of a submitted file. LetheError if it is no file, or too large to be read."""
    if not path.is_file():
        raise LetheError(
            f"{path}: {'not a file' if os.path.lexists(path) else 'missing'}; {remedy}"
        )
    if path.stat().st_size > LARGEST_MIB * 2**20:
        raise LetheError(f"{path}: larger than {LARGEST_MIB} MiB; submit fewer epochs")
    return path


def _scored_again(run: Path, records: Records, oracle: Records) -> dict[str, MetricFile]:
    """The metrics of a run, computed from records. LetheError if its files say otherwise."""
    said = {metric: _said(run, metric) for metric in CHAIN}
    chosen = {metric: dict(file.settings) for metric, file in said.items()}
    need = "truth_ratio"
    files = scored(records, chosen, {need: metrics.compute(need, oracle, **chosen[need])})
    for metric in CHAIN:
        _agree(files[metric], said[metric])
    return files


def scored(
    records: Records,
    settings: Mapping[str, Mapping],
    oracle: Mapping[str, MetricFile] | None = None,
) -> dict[str, MetricFile]:
    """The metrics of ``CHAIN``, with ``settings`` by name, from the records of a run.

    ``oracle``: its metric files that they compare with; without them what needs none.
    """
    files: dict[str, MetricFile] = {}
    for metric in CHAIN:
        contract = metrics.contract(metric)
        if contract.oracle and oracle is None:
            continue
        files[metric] = metrics.compute(
            metric,
            records if contract.records else None,
            {name: files[name] for name in contract.needs},
            oracle if contract.oracle else None,
            **settings.get(metric, {}),
        )
    return files


def _said(run: Path, metric: str) -> MetricFile:
    path = run / "metrics" / f"{metric}.json"
    return read_metric(_checked(path, f"score {metric} as well"), metric)


def _agree(own: MetricFile, said: MetricFile) -> None:
    places = [(point.epoch, point.step) for point in own.checkpoints]
    if [(point.epoch, point.step) for point in said.checkpoints] != places:
        raise LetheError(f"{said.path}: its epochs are not those of its records; score it again")
    for point, theirs in zip(own.checkpoints, said.checkpoints, strict=True):
        for name, value in point.values.items():
            if not np.isclose(theirs.values.get(name, np.nan), value, **ROUNDING):
                raise LetheError(
                    f"{said.path}: {name} of epoch {point.epoch} is {theirs.values.get(name)}, but "
                    f"its records give {value:.6g}; score it again"
                )


def _rows(records: Records) -> str:
    """The digest of all questions and answers that were asked, by set."""
    sets = records.checkpoints[-1].sets
    asked = {name: [items.question, items.answer] for name, items in sets.items()}
    text = json.dumps(asked, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _standing(entry: Entry, reruns: Sequence[Entry]) -> str:
    if not reruns:
        return SELF_REPORTED
    near = all(
        abs(getattr(entry, key) - getattr(again, key)) <= NEAR[key]
        for again in reruns
        for key in NEAR
    )
    return REPRODUCED if near else DIFFERS


def ranked(entries: Iterable[Entry]) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """By (world, model, split, rows, settings): one line for each run of a submission.

    ``seeds`` and the median over them, with lowest and highest (``_low``, ``_high``); seeds with
    the same records count as one. Runs that a KS test cannot tell from the oracle (median p at
    least 0.05) come first, by model utility; then the others, by forget quality. A run has the
    standing of its weakest seed.
    """
    whole = table(entries)
    for place, part in whole.groupby(["world", "model", "split", "rows", "settings"], sort=True):
        lines = [_line(*one) for one in part.groupby(["submission", "run"], sort=True)]
        yield place, pd.DataFrame(sorted(lines, key=_order))


_WEAKEST = (DIFFERS, SELF_REPORTED, REPRODUCED)


def _line(who: tuple[str, str], part: pd.DataFrame) -> dict:
    spread, seeds = {}, part.drop_duplicates("records")
    for key in SCORES:
        spread |= {key: seeds[key].median(), f"{key}_low": seeds[key].min()}
        spread |= {f"{key}_high": seeds[key].max()}
    standing = min(part["standing"], key=_WEAKEST.index)
    by = part["by"].iloc[0]
    return (
        {"submission": who[0], "by": by, "run": who[1], "seeds": len(seeds)}
        | spread
        | {"standing": standing}
    )


def _order(line: Mapping) -> tuple:
    passes = line["log10_forget_quality"] >= np.log10(0.05)
    first = line["model_utility"] if passes else line["log10_forget_quality"]
    return (not passes, -first, line["submission"], line["run"])
