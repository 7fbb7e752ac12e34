"""What an agent's memory leaks below a detector's threshold, by when the session was redacted.

Source: arXiv 2605.16746, [RECON]; docs/agent_memory.md says how to read it.
"""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from lethe.evaluate.memories import REDACTIONS
from lethe.metrics.base import mean, read_metric
from lethe.report.labels import run_label
from lethe.report.table_layout import markdown_table
from lethe.report.tables.base import TableData

READS = ("state_contamination",)
ONLY_WITH = ("metrics.state_contamination",)
PAGE = {
    "title": "Leaked through an agent's memory",
    "columns": {
        "plain": ("Leak without memory ↓", ".3f"),
        "passed_none": ("Below the threshold", ".0%"),
        "spg_none": ("SPG, no redaction ↓", ".3f"),
        "spg_before": ("SPG, redacted before ↓", ".3f"),
        "spg_after": ("SPG, redacted after ↓", ".3f"),
    },
}
PLACE = ["model", "split", "run"]
VALUES = ["plain", *(f"{value}_{r}" for r in REDACTIONS for value in ("passed", "spg"))]
COLUMNS = [*PLACE, "seeds", *(key + end for key in VALUES for end in ("", "_low", "_high"))]


def build(data: TableData) -> pd.DataFrame:
    """One row for each run, at its last epoch: means and ranges over seeds.

    A gap is empty if no memory passed the detector on some seed.
    """
    runs: dict[tuple, list[Mapping[str, float]]] = {}
    for entry in data.files:
        last = read_metric(entry["path"], "state_contamination").checkpoints[-1]
        runs.setdefault(tuple(entry[key] for key in PLACE), []).append(last.values)
    rows = [_row(place, seeds) for place, seeds in runs.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(place: tuple, seeds: Sequence[Mapping[str, float]]) -> dict:
    row = dict(zip(PLACE, place, strict=True)) | {"seeds": len(seeds)}
    for key in VALUES:
        some = [values.get(key, math.nan) for values in seeds]
        row |= {key: mean(some), f"{key}_low": min(some), f"{key}_high": max(some)}
    return row


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; the range over seeds in brackets."""
    return markdown_table([_cells(record) for record in table.to_dict("records")]) + _NOTE


def _cells(record: dict) -> dict:
    row = {"Model": record["model"], "Forget set": record["split"], "Run": run_label(record["run"])}
    row["Leak without memory ↓"] = _number(record, "plain")
    row["Below the threshold"] = f"{record['passed_none']:.0%}"
    headings = {"none": "SPG ↓", "before": "redacted before ↓", "after": "redacted after ↓"}
    return row | {headings[r]: _number(record, f"spg_{r}") for r in REDACTIONS}


def _number(record: dict, key: str) -> str:
    if math.isnan(record[key]):
        return ""
    span = f" [{record[f'{key}_low']:.3f}, {record[f'{key}_high']:.3f}]"
    return f"{record[key]:.3f}{span if record['seeds'] > 1 else ''}"


_NOTE = (
    "\nLeak: ROUGE-L recall of the true answer. SPG: by how much a memory of the fact that the "
    "detector does not flag raises it above a memory of somebody else's. Below the threshold: the "
    "share of memories of the fact, without redaction, that are not flagged.\n"
)
