"""Tables from metric files: the tidy scores and intervals, and one module for each table.

A table module has ``build(data) -> pandas.DataFrame`` (plain columns, for the CSV file) and
``markdown(table) -> str`` (as a paper would print it), and is found by its name. What it reads is
the scores and the intervals, unless a literal constant says otherwise:

    READS = ("truth_ratio",)    "scores", "intervals", "costs", "states", "search", or a metric
    ONLY_WITH = ("states",)     keys of the configuration without which there is no such table
"""

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from lethe.common.errors import LetheError
from lethe.pipeline.code_digest import literals

if TYPE_CHECKING:
    from lethe.report.tables.base import TableData

FOLDER = Path(__file__).parent
_HELPERS = {"__init__", "base", "bootstrap", "costs", "intervals", "labels", "scores", "shape"}


def names() -> list[str]:
    """The names of all tables."""
    return sorted({path.stem for path in FOLDER.glob("*.py")} - _HELPERS)


def reads(name: str) -> Sequence[str]:
    """What a table reads, from its source: importing it would take pandas."""
    _known(name)
    return literals(FOLDER / f"{name}.py").get("READS", ("scores", "intervals"))


def only_with(name: str) -> Sequence[str]:
    """Keys of the configuration without which there is no such table."""
    _known(name)
    return literals(FOLDER / f"{name}.py").get("ONLY_WITH", ())


def render(
    name: str, data: "TableData", csv: str | os.PathLike, markdown: str | os.PathLike
) -> None:
    """Write the table ``name`` as CSV and as Markdown."""
    from lethe.common.files import whole_file

    _known(name)
    module = import_module(f"{__name__}.{name}")
    table = module.build(data)
    text = module.markdown(table)
    with whole_file(csv) as csv_file, whole_file(markdown) as markdown_file:
        table.to_csv(csv_file, index=False, lineterminator="\n")
        markdown_file.write_text(text, encoding="utf-8")


def _known(name: str) -> None:
    if name not in names():
        raise LetheError(f"table {name!r}: no such table; choose from {', '.join(names())}")
