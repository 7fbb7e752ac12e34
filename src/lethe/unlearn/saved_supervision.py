"""A saved supervision: what an unlearner was given, as a folder of files of rows.

The folder has ``forget.json``, and where the unlearner got them ``retain.json`` and
``holdout.json`` (questions that no model has seen): JSON lines with ``question`` and ``answer``, as
all data have them. Rows may have paraphrases and wrong answers as well. The rows need not be those
of a data set: an unlearner may have made them by questioning a model.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import write_rows

FORGET = "forget"
PARTS = (FORGET, "retain", "holdout")


def files_of_supervision(folder: str | Path) -> dict[str, Path]:
    """The files of a saved supervision by part; LetheError for a folder that does not hold one."""
    if not Path(folder).is_dir():
        raise LetheError(f"{folder}: no such folder; name one with {FORGET}.json")
    files = {part: Path(folder, f"{part}.json") for part in PARTS}
    there = {part: file for part, file in files.items() if file.is_file()}
    if FORGET not in there:
        raise LetheError(f"{folder}: no {FORGET}.json, which every saved supervision has; add it")
    return there


def save_supervision(folder: str | Path, rows: Mapping[str, Sequence[dict]]) -> None:
    """Write rows by part; LetheError for an unknown part, or without rows to be forgotten."""
    unknown = [part for part in rows if part not in PARTS]
    if unknown:
        raise LetheError(f"supervision: no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    if not rows.get(FORGET):
        raise LetheError(f"supervision: no rows of {FORGET}; give some")
    for part, some in rows.items():
        write_rows(Path(folder, f"{part}.json"), some)
