"""Tables from metric files: the tidy scores and intervals, and one module for each table.

A table module has ``build(data) -> pandas.DataFrame`` (plain columns, for the CSV file) and
``markdown(table) -> str`` (as a paper would print it), and is looked up by its name. It reads the
scores and the intervals, unless a literal constant says otherwise:

    READS = ("truth_ratio",)    "scores", "intervals", "costs", "states", "lines" (between
                                 checkpoints), "defences" (pairs of them), "meta_evaluations",
                                 "search", "papers" (the claims of all papers), "lineages",
                                 "supervisions" (made by models), "requests" (runs on a
                                 sequence of them), "strategies" (the searches of a
                                 study), "lm_evals" (results of lm-evaluation-harness),
                                 or a metric
    ONLY_WITH = ("attacks",)     made only if these keys of the configuration are not empty;
                                 ``metrics.NAME``: only if that metric is listed
    SETTINGS = ("best_epoch",)   keys of the configuration whose values it gets
    PAGE = {"title": "Cost"}     how the page shows it (``lethe.report.presentation``)
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.common.files import whole_file
from lethe.common.registry import Registry, suggest
from lethe.report.presentation import presentation

if TYPE_CHECKING:
    from lethe.report.tables.base import TableData

KINDS = ("scores", "intervals", "costs", "states", "lines", "defences")
KINDS += ("meta_evaluations", "search", "papers", "lineages", "supervisions", "requests")
KINDS += ("strategies", "lm_evals")


@dataclass(frozen=True)
class Contract:
    """What a table declares."""

    reads: tuple[str, ...] = ("scores", "intervals")
    only_with: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    page: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        presentation(self.page, "", "tables")
        known = (*KINDS, *metrics.names())
        for read in self.reads:
            if read not in known:
                raise LetheError(f"READS: unknown {read!r}{suggest(read, known)}")


TABLES = Registry(__name__, "table", Contract)
names = TABLES.names


def reads(name: str) -> Sequence[str]:
    """What a table reads, taken from its source: importing it would load pandas."""
    return TABLES.contract(name).reads


def only_with(name: str) -> Sequence[str]:
    """The keys of the configuration that must not be empty for the table to be made."""
    return TABLES.contract(name).only_with


def settings(name: str) -> Sequence[str]:
    """The keys of the configuration whose values the table gets."""
    return TABLES.contract(name).settings


def page(name: str) -> dict[str, Any]:
    """How the page shows the table."""
    return presentation(TABLES.contract(name).page, name, "tables")


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
