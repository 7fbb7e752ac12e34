"""Tables from metric files: the tidy scores and intervals, and one module for each table.

A table module has ``build(data) -> pandas.DataFrame`` (plain columns, for the CSV file) and
``markdown(table) -> str`` (as a paper would print it), and is found by its name. What it reads is
the scores and the intervals, unless a literal constant says otherwise:

    READS = ("truth_ratio",)    "scores", "intervals", "costs", "states", "search", or a metric
    ONLY_WITH = ("attacks",)     keys of the configuration without which there is no such table
"""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lethe.common.files import whole_file
from lethe.common.registry import Registry

if TYPE_CHECKING:
    from lethe.report.tables.base import TableData

TABLES = Registry(__name__, "table")
names = TABLES.names


def reads(name: str) -> Sequence[str]:
    """What a table reads, from its source: importing it would take pandas."""
    return TABLES.declared(name).get("READS", ("scores", "intervals"))


def only_with(name: str) -> Sequence[str]:
    """Keys of the configuration without which there is no such table."""
    return TABLES.declared(name).get("ONLY_WITH", ())


def render(
    name: str, data: "TableData", csv: str | os.PathLike, markdown: str | os.PathLike
) -> None:
    """Write the table ``name`` as CSV and as Markdown."""
    module = TABLES.load(name)
    table = module.build(data)
    text = module.markdown(table)
    with whole_file(csv) as csv_file, whole_file(markdown) as markdown_file:
        table.to_csv(csv_file, index=False, lineterminator="\n")
        markdown_file.write_text(text, encoding="utf-8")
