"""What an exhibit of the paper is: a file in ``exhibits``, looked up by its name.

It has literal constants, which are read without importing it:

    NUMBER = "Figure 7"             its number in the paper; "" (the default) if it is ours
    TITLE = "truth ratios"          what it shows, in a few words
    CAPTION = "**Truth ratios** …"  reStructuredText for the report; may name wildcards of FILE
    FILE = "fig04/{model}"          its files without suffix; one for each {model}, {split}, {run}
    READS = "records"               what it is made from: one of SOURCES
    RUNS = ("retain", "full")       records: of these runs
    BESIDE = ("retain",)            records: of these runs of the model beside {model}
    METRICS = ("truth_ratio",)      records and logs: the metrics that it computes from them
    ROWS = ("full",)                rows: the world's data files
    MODELS = "last"                 where FILE has no {model}: all (the default) or last
    SPLITS = "smallest"             where FILE has no {split}: all (the default), smallest, largest
    METHODS = "unlisted"            scores: listed (the default), or those that only an exhibit asks
                                    for, which stand in method_settings but not in methods
    LEAST_SPLITS = 2                with fewer splits, the exhibit is not made

and functions, which decide its files: ``build(data)`` returns a table (.csv), ``markdown(table)``
its text (.md), ``draw(made)`` a figure (.pdf, .png) of what ``build`` returned, or of the data if
there is no ``build``. The data are an ``exhibit_data.ExhibitData``. Exhibits made from logs
(READS "logs" or "log_scores") go to the folder ``from_logs``.
"""

import string
from dataclasses import dataclass

from lethe.common.errors import LetheError
from lethe.common.registry import Registry, suggest

SOURCES = ("rows", "scores", "records", "logs", "log_scores")
CHOICES = {
    "reads": SOURCES,
    "models": ("all", "last"),
    "splits": ("all", "smallest", "largest"),
    "methods": ("listed", "unlisted"),
}
WILDCARDS = ("model", "split", "run")
FROM_LOGS = "from_logs"


@dataclass(frozen=True)
class Contract:
    """What an exhibit declares."""

    title: str
    caption: str
    file: str
    reads: str
    number: str = ""
    runs: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    models: str = "all"
    splits: str = "all"
    methods: str = "listed"
    least_splits: int = 1

    def __post_init__(self):
        for key, allowed in CHOICES.items():
            if (given := getattr(self, key)) not in allowed:
                raise LetheError(f"{key.upper()} is {given!r}{suggest(given, allowed)}")
        allowed = WILDCARDS[:2] if self.of_logs else WILDCARDS
        for name in self.wildcards:
            if name not in allowed:
                raise LetheError(f"FILE has {{{name}}}{suggest(name, allowed)}")

    @property
    def wildcards(self) -> tuple[str, ...]:
        """The wildcards of FILE: there is one file for each combination of their values."""
        return tuple(name for _, name, _, _ in string.Formatter().parse(self.file) if name)

    @property
    def of_logs(self) -> bool:
        """Whether it is made from evaluation logs rather than runs."""
        return self.reads in ("logs", "log_scores")

    @property
    def label(self) -> str:
        """``Figure 7: zoom on the smallest forget set``, followed by the wildcards."""
        named = f"{self.number}: {self.title}" if self.number else self.title
        return ", ".join([named, *(f"{{{name}}}" for name in self.wildcards)])

    @property
    def place(self) -> str:
        """The path of its files in the paper's folder, without suffix."""
        return f"{FROM_LOGS}/{self.file}" if self.of_logs else self.file


EXHIBITS = Registry("lethe.report.paper.exhibits", "exhibit", Contract)
names, load, contract = EXHIBITS.names, EXHIBITS.load, EXHIBITS.contract
