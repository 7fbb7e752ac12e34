"""What is told in reasoning traces and after them: bypass gap and shifts, seed by seed.

Source: arXiv 2605.18891; docs/traces.md says how to read it.
"""

import math
from collections.abc import Iterator, Mapping

import pandas as pd

from lethe.analysis.identification import IDENTIFIED, NOT_IDENTIFIED, judged
from lethe.evaluate.prefills import CANONICAL, SWAPS
from lethe.metrics.base import read_metric
from lethe.report.labels import run_label
from lethe.report.table_layout import markdown_table
from lethe.report.tables.base import TableData

READS = ("bypass_gap",)
ONLY_WITH = ("metrics.bypass_gap",)
PAGE = {
    "title": "Told in the trace, not in the answer",
    "columns": {
        "seed": ("Seed", ".0f"),
        "answer": ("A(answer) ↓", ".3f"),
        "trace": ("A(trace) ↓", ".3f"),
        "gap": ("Bypass gap B", ".3f"),
        "shift_short": ("Shift, short", ".3f"),
        "shift_mimicking": ("Shift, mimicking", ".3f"),
        "failures": ("Not parsed", ".0%"),
        "verdict": ("Over seeds", ""),
    },
}
PLACE = ["model", "split", "run"]
COLUMNS = [
    *(*PLACE, "seed", "answer", "trace", "gap", "gap_unparsed_as_answer"),
    *(f"shift_{name}" for name in SWAPS),
    *("failures", "retain_answer", "identified", "verdict", "reason"),
]


def build(data: TableData) -> pd.DataFrame:
    """One row for each run and seed, at its last epoch; the verdict is on all seeds of the run."""
    runs: dict[tuple, dict[int, Mapping[str, float]]] = {}
    for entry in data.files:
        place = tuple(entry[key] for key in PLACE)
        last = read_metric(entry["path"], "bypass_gap").checkpoints[-1]
        runs.setdefault(place, {})[int(entry["seed"])] = last.values
    rows = [row for place, seeds in runs.items() for row in _rows(place, seeds)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(place: tuple, seeds: Mapping[int, Mapping[str, float]]) -> Iterator[dict]:
    # Without another prefill there is no verdict.
    swapped = all("identified" in values for values in seeds.values())
    verdict, reason = judged(list(seeds.values())) if swapped else ("", "no other prefill was put")
    for seed, values in seeds.items():
        row = dict(zip(PLACE, place, strict=True)) | {"seed": seed}
        row |= {"answer": values[f"answer_{CANONICAL}"], "trace": values[f"trace_{CANONICAL}"]}
        row |= {key: values.get(key, math.nan) for key in COLUMNS[6:-2] if key != "failures"}
        row |= {"failures": values[f"failures_{CANONICAL}"], "verdict": verdict, "reason": reason}
        yield row


def markdown(table: pd.DataFrame) -> str:
    """One line for each run and seed, the verdict on a run's last one."""
    rows = []
    for (model, split, run), part in table.groupby(PLACE, sort=False):
        records = part.to_dict("records")
        for record in records:
            row = {"Model": model, "Forget set": split, "Run": run_label(run)}
            row["Seed"] = record["seed"]
            row |= {
                "A(answer) ↓": f"{record['answer']:.3f}",
                "A(trace) ↓": f"{record['trace']:.3f}",
                "B": f"{record['gap']:.3f}",
            }
            row |= {f"Shift: {name}": _number(record[f"shift_{name}"]) for name in SWAPS}
            row["Not parsed"] = f"{record['failures']:.0%}"
            row["On this seed"] = _on_seed(record["identified"])
            row["Over seeds"] = record["verdict"] if record is records[-1] else ""
            rows.append(row)
    return markdown_table(rows) + _NOTE


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _on_seed(flag: float) -> str:
    if math.isnan(flag):
        return ""
    return IDENTIFIED if flag else NOT_IDENTIFIED


_NOTE = (
    "\nShares of the forget set's facts that are told in the answer and in the trace before it; "
    "B: trace minus answer. Shift: by how much the answers of the same weights fall when another "
    "prefill takes the place of the canonical one. A gap is identified only if it exceeds every "
    "shift on every seed, also if texts without a closing tag (not parsed) count as answers, and "
    "no shift changes its sign between seeds.\n"
)
