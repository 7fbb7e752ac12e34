"""Defences that follow each other: what the second does to the risk that the first lowered."""

import math

import pandas as pd

from lethe.analysis.defences import Pair, asymmetry, read_pairs, share_of_conflicts
from lethe.report.labels import run_label
from lethe.report.table_layout import bracketed, markdown_table
from lethe.report.tables.base import TableData

READS = ("defences",)
ONLY_WITH = ("defences.pairs",)
PAGE = {
    "title": "Defences that follow each other",
    "columns": {
        "second": ("Then", ""),
        "freezing": ("Frozen layers", ""),
        "frozen": ("how many", ".1f"),
        "first_before": ("First risk: before", ".3f"),
        "first_between": ("after the first", ".3f"),
        "first_after": ("after the second", ".3f"),
        "rise": ("Rise ↓", "+.3f"),
        "spread": ("Range over seeds", ".3f"),
        "exacerbates": ("Seeds that exacerbate", ".2f"),
        "asymmetry": ("Rise − that of the other order", "+.3f"),
        "success": ("Fall of the second risk ↑", "+.3f"),
        "alignment": ("Alignment of updates", "+.3f"),
        "interference_first_cosine": ("Interference · first shift", "+.3f"),
        "interference_second_cosine": ("Interference · second shift", "+.3f"),
    },
}
SPREAD = ("rise", "success", "alignment")
PLACE = ("model", "split", "first", "second", "freezing")
MEANS = (
    *(f"{of}_{when}" for of in ("first", "second") for when in ("before", "between", "after")),
    *("rise", "success", "frozen", "alignment", "shifts_cosine"),
    *("interference_first_cosine", "interference_second_cosine"),
    *("interference_along_first", "interference_along_second"),
)


def build(data: TableData) -> pd.DataFrame:
    """One row for each pair, model and split: means over seeds; what is not defined is NaN.

    ``…_low`` and ``…_high``: the lowest and the highest seed.
    """
    pairs = read_pairs(data.files)
    return pd.DataFrame([_row(pair, pairs) for pair in pairs]).assign(run=lambda t: t["first"])


def _row(pair: Pair, pairs: list[Pair]) -> dict:
    row = {name: getattr(pair, name) for name in PLACE} | {"seeds": len(pair.seeds)}
    row |= {name: pair.mean(name) for name in MEANS}
    for name in SPREAD:
        values = pair.values[name]
        row |= {f"{name}_low": float(values.min()), f"{name}_high": float(values.max())}
    row |= {"spread": pair.spread, "exacerbates": pair.exacerbates}
    alike = [other for other in pairs if (other.model, other.split) == (pair.model, pair.split)]
    hits, judged, low, high = share_of_conflicts(alike)
    of_all = {"conflicts": hits, "judged": judged, "conflicts_low": low, "conflicts_high": high}
    return row | {"asymmetry": asymmetry(pair, pairs)} | of_all


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; below it how many pairs exacerbate the first risk."""
    records = table.to_dict("records")
    return markdown_table([_cells(record) for record in records]) + _share(records) + _NOTE


def _cells(record: dict) -> dict:
    row = {
        "Model": record["model"],
        "Forget set": record["split"],
        "First": run_label(record["first"]),
        "Then": run_label(record["second"]),
        "Frozen layers": _frozen(record),
    }
    for key, (label, digits) in PAGE["columns"].items():
        if key in ("second", "freezing", "frozen"):
            continue
        value = record[key]
        several = key in SPREAD and record["seeds"] > 1
        ends = (record[f"{key}_low"], record[f"{key}_high"]) if several else (math.nan, math.nan)
        row[label] = "" if math.isnan(value) else bracketed(value, *ends, digits)
    return row


def _frozen(record: dict) -> str:
    return f"{record['freezing']} ({record['frozen']:g})" if record["freezing"] else ""


def _share(records: list[dict]) -> str:
    lines = []
    for record in {(r["model"], r["split"]): r for r in records}.values():
        place = f"{record['model']}, {record['split']}: "
        if not record["judged"]:
            lines.append(f"{place}one seed has no spread, so no rise is called an exacerbation.")
            continue
        low, high = record["conflicts_low"], record["conflicts_high"]
        lines.append(
            f"{place}{record['conflicts']} of {record['judged']} ordered pairs exacerbate the "
            f"first risk, 95% interval {low:.2f} to {high:.2f} (Wilson's, as if pairs were "
            "independent)."
        )
    return "\n" + "\n".join(lines) + "\n"


_NOTE = (
    "\nA pair exacerbates where the first risk rises by more than the range over seeds of that "
    "risk after the first defence alone, and by more than 0.01. Risks are from 0 to 1 "
    "(docs/defences.md). Alignment is "
    "the cosine of the two weight updates, and the interference's cosines are to the shifts that "
    "the first and the second defence made for their own risks at the prompts' last tokens; all "
    "three are means over layers, of the alignment over those that are not frozen.\n"
)
