"""Every Kolmogorov-Smirnov value from evaluation logs, beside the value that the paper prints.

The printed values are facts to compare with (``printed.json``); no number here is computed from
them. A value agrees if it rounds to the printed digits.
"""

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pandas as pd

from lethe.common.files import read_json
from lethe.report.paper.cells import Cell, figure_cells, reference_cells, retain_cells, test
from lethe.report.paper.evaluations import Evaluations
from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.paper.logs import LLAMA, SPLITS, counterpart, model_name
from lethe.report.table_layout import markdown_table

NUMBER = "Tables 3 and 4"
TITLE = "KS values beside the printed ones"
CAPTION = """
**Kolmogorov-Smirnov p-values from evaluation logs**, for every comparison of Tables 3 and 4 and of
Figure 4 of the TOFU paper, beside the value that the paper prints. Two-sided and exact; items are
paired by the text of the question, and *n* says how many both logs hold. *Agree*: equal to the
printed digits. *Not computable*: the column *why* says which log or common question is missing.
"""
FILE = "ks"
READS = "logs"
METRICS = ("truth_ratio", "forget_quality")

PRINTED = Path(__file__).with_name("printed.json")
# The models whose values the paper prints.
PRINTED_OF = model_name(LLAMA, "wd0")
EXHIBITS = {
    "table3": "Table 3",
    "table4": "Table 4",
    "figure4_left": "Figure 4, left",
    "figure4_middle": "Figure 4, middle",
    "figure4_right": "Figure 4, right",
}
AGREE, DIFFER, NOT_COMPUTABLE, NOT_PRINTED = "agree", "differ", "not computable", "not printed"
COLUMNS = ["exhibit", "models", "data", "first", "second", "n", "statistic", "p", "printed"]
COLUMNS += ["verdict", "why"]


def build(data: ExhibitData) -> pd.DataFrame:
    """A row for every value that the paper prints and for every further one that the logs give."""
    printed, evaluations = read_json(PRINTED), data.evaluations
    rows = []
    for model in dict.fromkeys([PRINTED_OF, *evaluations.models]):
        for cell in cells(model):
            row = _row(cell, evaluations, printed.get(cell.key) if model == PRINTED_OF else None)
            if row["verdict"] != NOT_COMPUTABLE or row["printed"]:
                rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def cells(model: str) -> list[Cell]:
    """Every comparison of the paper for the models of one family and weight decay."""
    return [
        *retain_cells(model, SPLITS),
        *reference_cells(model, SPLITS),
        *figure_cells(model, counterpart(model), SPLITS[-1]),
    ]


def _row(cell: Cell, evaluations: Evaluations, printed: str | None) -> dict:
    result = test(cell, evaluations)
    return {
        "exhibit": EXHIBITS[cell.exhibit],
        "models": " and ".join(dict.fromkeys((cell.first.model, cell.second.model))),
        "data": cell.data,
        "first": cell.first.label,
        "second": cell.second.label,
        "n": " and ".join(map(str, dict.fromkeys(result.n or ()))),
        "statistic": result.statistic,
        "p": result.p,
        "printed": printed or "",
        "verdict": verdict(result.p, printed),
        "why": result.why,
    }


def verdict(p: float | None, printed: str | None) -> str:
    """Whether a p-value is the printed one, to the digits that are printed."""
    if p is None:
        return NOT_COMPUTABLE
    if printed is None:
        return NOT_PRINTED
    digits = len(Decimal(printed).as_tuple().digits)
    return AGREE if Decimal(f"{p:.{digits - 1}e}") == Decimal(printed) else DIFFER


def markdown(table: pd.DataFrame) -> str:
    """The table for readers, and how many values agree."""
    rows = [
        {
            "Exhibit": record["exhibit"],
            "Models": record["models"],
            "Data": record["data"],
            "Compared": f"{record['first']} – {record['second']}",
            "n": record["n"],
            "p": "" if pd.isna(record["p"]) else f"{record['p']:.4g}",
            "Printed": record["printed"],
            "": record["verdict"] + (f": {record['why']}" if record["why"] else ""),
        }
        for record in table.to_dict("records")
    ]
    counts = Counter(table.loc[table["printed"] != "", "verdict"])
    summary = ", ".join(f"{counts[word]} {word}" for word in (AGREE, DIFFER, NOT_COMPUTABLE))
    return f"{markdown_table(rows)}\nOf {counts.total()} printed values: {summary}.\n"
