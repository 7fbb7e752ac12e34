"""The rows of an evaluation: a folder's files in TOFU's format, each checked against its base."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.common.picture_marks import COLUMN
from lethe.evaluate import suite as suites
from lethe.evaluate.collect import read_set
from lethe.world.rows import read_pairs
from lethe.world.splits.base import BaseSplit
from lethe.world.trace_format import whole_answer

# The file that a perturbed file's rows must come from, if it is in the same folder.
BASES = {"forget_perturbed": "forget", "retain_perturbed": "retain"}


class EvaluationData:
    """The data files of a folder, each read once and checked against its base file."""

    def __init__(self, folder: str, split: BaseSplit, items: int | None):
        self.folder, self.split, self.items = Path(folder), split, items
        if not self.folder.is_dir():
            raise LetheError(f"{folder}: no such folder; name one with TOFU's files")
        self.rows_by_file: dict[Path, list[dict]] = {}

    def check_split(self) -> None:
        """If all metrics are wanted, a split without any file must be a misspelt name."""
        there = {file.stem for file in self.folder.glob("forget[0-9][0-9]*.json")}
        parts = self.split.files
        own = [parts[name] for name in ("forget", "forget_perturbed") if name in parts]
        if not any((self.folder / f"{name}.json").exists() for name in own):
            known = sorted({name.removesuffix("_perturbed") for name in there})
            others = f"it has {', '.join(known)}" if known else "it has none"
            raise LetheError(f"splits: {self.folder} has no file of {self.split.name}; {others}")

    def path(self, part: str) -> Path:
        return self.folder / f"{self.split.files.get(part, part)}.json"

    def files(self, contract: metrics.Contract) -> dict[str, Path]:
        """The file of each set that a metric reads."""
        if not contract.records:
            return {}
        sets = suites.contract(contract.suite).sets
        return {name: self.path(sets[name]) for name in contract.sets}

    def read(self, contract: metrics.Contract, given: Mapping[str, Mapping[str, Any]]) -> None:
        """Read and check all files of a metric and of the metrics that it needs.

        ``given``: settings of suites by name.
        """
        for need in contract.needs:
            self.read(metrics.contract(need), given)
        for name in self.files(contract):
            self.rows(suites.contract(contract.suite).sets[name])
        if contract.records:
            suites.check(contract.suite, self.suite(contract.suite), given.get(contract.suite))

    def rows(self, part: str) -> list[dict]:
        """The rows of a file that are evaluated."""
        path = self.path(part)
        if path not in self.rows_by_file:
            rows = read_set(path)
            if part in BASES:
                check_base(rows, path, self.path(BASES[part]))
            _check_items(rows, self.items, path)
            self.rows_by_file[path] = rows[: self.items]
        return self.rows_by_file[path]

    def suite(self, name: str) -> dict[str, list[dict]]:
        """The rows of a suite's sets, without sets whose file is missing."""
        sets = suites.contract(name).sets
        return {key: self.rows(part) for key, part in sets.items() if self.path(part).exists()}


def _check_items(rows: Sequence[dict], most: int | None, path: Path) -> None:
    """LetheError for a limit that leaves out rows with pictures because they come after text."""
    shown = [bool(row.get(COLUMN)) for row in rows]
    last = shown == sorted(shown) and len(set(shown)) == 2
    if last and most is not None and most < len(rows):
        raise LetheError(
            f"--items: {most} of the {len(rows)} rows of {path} would leave out rows with "
            f"pictures, which come last; raise it to {len(rows)}"
        )


def check_base(rows: Sequence[dict], path: Path, base: Path) -> None:
    """LetheError if rows of a perturbed file are not in its base file, which may be missing.

    A reasoning trace may be in a row's answer or in a column of its own.
    """
    if not base.exists():
        return
    known = set(read_pairs(base))
    strange = sum((row["question"], whole_answer(row)) not in known for row in rows)
    if strange:
        raise LetheError(
            f"{path}: {strange} of its {len(rows)} questions with answers are not in {base}; "
            "take both files from the same data set"
        )
