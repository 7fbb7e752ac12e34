"""Whether methods rank here as in published tables (docs/agreement.md).

For each published table, split and measure: Kendall's tau-b between each seed's ranking and the
table's, and beside it that between the two published tables.
"""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from lethe.analysis import agreement
from lethe.analysis.agreement import MEASURES
from lethe.report.table_layout import cell, groups, markdown_table, note, spread
from lethe.report.tables.base import TableData

READS = ("scores",)
ONLY_WITH = ("agreement.methods",)
SETTINGS = ("agreement",)
PAGE = {
    "title": "Agreement with published tables",
    "section": "statistics",
    "columns": {
        "table": ("Published for", ""),
        "measure": ("Measure", ""),
        "methods": ("Methods", ".0f"),
        "tau_b": ("τ-b", ".2f"),
        "published_tau_b": ("τ-b of the published tables", ".2f"),
        "out_of_place": ("Out of place", ""),
    },
}
LABELS = {
    "model_utility": "model utility",
    "forget_quality": "log₁₀ forget quality",
    "forget_truth_ratio": "forget truth ratio",
}


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, published table, split and measure."""
    stands_for = data.settings["agreement"]["methods"]
    listed = groups(data.scores, data.methods, data.seeds, data.oracles)
    ours = [group for group in listed if group.run in stands_for]
    rows = []
    for model, split in dict.fromkeys((group.model, group.split) for group in ours):
        here = [group for group in ours if (group.model, group.split) == (model, split)]
        for table in agreement.tables():
            for measure, place in MEASURES.items():
                theirs = agreement.published(table, split, measure)
                if theirs:
                    by_seed = _by_seed(here, stands_for, place)
                    row = {"model": model, "split": split, "table": table, "measure": measure}
                    rows.append(row | _row(by_seed, theirs, split, measure))
    return pd.DataFrame(rows)


def _by_seed(
    runs: Sequence, stands_for: Mapping[str, str], place: tuple[str, str]
) -> list[dict[str, float]]:
    """A measure of the methods by their published names, for each seed."""
    values = {stands_for[group.run]: group.values(*place) for group in runs}
    return [dict(zip(values, seed, strict=True)) for seed in zip(*values.values(), strict=True)]


def _row(
    by_seed: Sequence[Mapping[str, float]], theirs: Mapping[str, float], split: str, measure: str
) -> dict:
    taus = [agreement.tau_b(values, theirs) for values in by_seed]
    # A seed in which all methods are equal gives no ranking.
    ranked = [tau for tau in taus if not math.isnan(tau)]
    off = agreement.disagreements(agreement.means(by_seed), theirs)
    return {
        "seeds": len(by_seed),
        "ranked_seeds": len(ranked),
        "interval": "seeds" if len(ranked) > 1 else "",
        "methods": len([method for method in by_seed[0] if method in theirs]),
        **spread("tau_b", ranked or [math.nan]),
        "published_tau_b": agreement.between_tables(split, measure),
        "out_of_place": " ".join(f"{m}:{n}" for m, n in sorted(off.items(), key=_worst) if n),
    }


def _worst(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers."""
    rows = [
        {
            "Model": record["model"],
            "Published for": agreement.tables()[record["table"]]["label"],
            "Forget set": record["split"],
            "Measure": LABELS[record["measure"]],
            "Methods": record["methods"],
            "τ-b": cell(record, "tau_b", ".2f"),
            "τ-b of the published tables": f"{record['published_tau_b']:.2f}",
            "Out of place": record["out_of_place"].replace(":", " ") or "none",
        }
        for record in table.to_dict("records")
    ]
    return markdown_table(rows) + note(table) + _NOTE


_NOTE = (
    "\nKendall's τ-b between the ranking of the methods here and in the published table; 1: the "
    "same, 0: unrelated, -1: reversed. Beside it that between the two published tables. Out of "
    "place: with how many other methods one is in the opposite order, by the means over seeds.\n"
)
