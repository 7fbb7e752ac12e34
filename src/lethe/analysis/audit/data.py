"""The rows of an audit: from a folder of data and a split, or from a saved supervision."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lethe.analysis.audit.probe import FILES
from lethe.analysis.evaluation_data import BASES, check_base
from lethe.common.errors import LetheError
from lethe.evaluate.collect import read_set
from lethe.unlearn.saved_supervision import files_of_supervision
from lethe.world.cut_split import split_in
from lethe.world.rows import read_asked
from lethe.world.splits.base import BaseSplit

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AuditRows:
    """Rows by set (forget, retain, holdout); ``files``: the file that each is from."""

    rows: dict[str, list[dict]]
    files: dict[str, Path] = field(default_factory=dict)

    def of(self, name: str, items: int) -> list[dict]:
        """Up to ``items`` rows of a set, evenly spread over it; none if there is no such set."""
        return spread(self.rows.get(name, []), items)


def spread(rows: Sequence[dict], items: int) -> list[dict]:
    """Up to ``items`` rows, evenly spread, so that all authors are represented."""
    count = min(items, len(rows))
    return [rows[number * len(rows) // count] for number in range(count)]


def read_data(folder: str | Path, split: str | BaseSplit) -> AuditRows:
    """The rows of a split from a folder in TOFU's format; LetheError if it has no forget set."""
    if not Path(folder).is_dir():
        raise LetheError(f"{folder}: no such folder; name one with TOFU's files")
    chosen = split_in(folder, split) if isinstance(split, str) else split
    files = {name: _first(Path(folder), chosen, FILES[name]) for name in FILES}
    files = {name: file for name, file in files.items() if file is not None}
    if "forget" not in files:
        raise LetheError(f"splits: {folder} has no file of {chosen.name}; name another split")
    made = read_files(files)
    for name, part in (("forget", "forget_perturbed"), ("retain", "retain_perturbed")):
        base = Path(folder, f"{chosen.files[BASES[part]]}.json")
        if name in files and files[name] != base:
            check_base(made.rows[name], files[name], base)
    return made


def read_saved_supervision(folder: str | Path) -> AuditRows:
    """The rows of a saved supervision (``lethe.unlearn.saved_supervision``)."""
    return read_files(files_of_supervision(folder))


def read_files(files: Mapping[str, str | Path]) -> AuditRows:
    """The rows of files by set; an empty file (a world without holdout authors) is left out."""
    rows = {name: _rows(name, file) for name, file in files.items()}
    rows = {name: some for name, some in rows.items() if some}
    return AuditRows(rows, {name: Path(files[name]) for name in rows})


def _rows(name: str, file: str | Path) -> list[dict]:
    return _once(read_asked(file, empty=True) if name == "holdout" else read_set(file), file)


def _once(rows: Sequence[dict], file: str | Path) -> list[dict]:
    """Each question with its answer once: copies would make an interval too narrow."""
    first: dict[tuple[str, str], dict] = {}
    for row in rows:
        first.setdefault((row["question"], row["answer"]), row)
    unique = list(first.values())
    if len(unique) < len(rows):
        copies = len(rows) - len(unique)
        logger.warning("%s: %d of %d rows are copies, which are left out", file, copies, len(rows))
    return unique


def _first(folder: Path, split: BaseSplit, parts: Sequence[str]) -> Path | None:
    files = (folder / f"{split.files.get(part, part)}.json" for part in parts)
    return next((file for file in files if file.is_file()), None)
