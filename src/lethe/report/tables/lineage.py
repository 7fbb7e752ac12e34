"""Models that descend from models: whether they are tainted, what they know, and in whose words.

Knowledge is the probability of the true answers and the share of their novel words that are told;
similarity is that of the words alone (``metrics.surface``).
"""

import math
from collections.abc import Mapping

import pandas as pd

from lethe.common.files import read_json
from lethe.report.table_layout import last_epochs, markdown_table, row_start
from lethe.report.tables.base import TableData
from lethe.report.tables.states import COLUMNS, state_scores

READS = ("scores", "states", "lineages")
ONLY_WITH = ("lineage.enabled",)
PAGE = {
    "title": "Lineage",
    "columns": {
        "state": ("State", ""),
        "taint": ("Taint", ""),
        "why": ("Why", ""),
        "probability": ("Forget probability", ".3f"),
        "fact_recall": ("Facts told", ".3f"),
        "ngram_overlap": ("Words in common", ".3f"),
    },
}
PLACES = {
    "probability": ("probability", "forget"),
    "fact_recall": ("surface", "fact_recall"),
    "ngram_overlap": ("surface", "ngram_overlap"),
}
KEYS = ["model", "split", "run", "state"]


def build(data: TableData) -> pd.DataFrame:
    """One row for each run and state; numbers are means over seeds, NaN if nothing was asked.

    Taint and reason are the first seed's; if another seed's taint differs, all are given.
    """
    files = list(data.files)
    own = last_epochs(data.scores).assign(state="")[COLUMNS]
    changed = state_scores([entry for entry in files if "metric" in entry])
    scores = pd.concat([own, changed]) if len(changed) else own
    means = scores.groupby([*KEYS, "metric", "name"])["value"].mean()
    standings: dict[tuple, list[tuple[str, str]]] = {}
    for entry in (entry for entry in files if "metric" not in entry):
        for one in read_json(entry["path"])["models"]:
            key = (entry["model"], entry["split"], one["run"], one["state"])
            standings.setdefault(key, []).append((one["taint"], one["why"]))
    return pd.DataFrame([_row(key, some, means) for key, some in standings.items()])


def _row(key: tuple, standings: list[tuple[str, str]], means: pd.Series) -> dict:
    taints = [taint for taint, _ in standings]
    taint = taints[0] if len({*taints}) == 1 else f"by seed: {', '.join(taints)}"
    numbers = {name: float(means.get((*key, *place), math.nan)) for name, place in PLACES.items()}
    place = dict(zip(KEYS, key, strict=True))
    return {**place, "taint": taint, "why": standings[0][1], **numbers}


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers."""
    return markdown_table([_cells(record) for record in table.to_dict("records")]) + _NOTE


def _cells(record: Mapping) -> dict:
    cells = row_start(record) | {"State": record["state"].replace("_", " ")}
    cells |= {"Taint": record["taint"], "Why": record["why"]}
    for key in PLACES:
        heading, digits = PAGE["columns"][key]
        cells[heading] = "" if math.isnan(record[key]) else format(record[key], digits)
    return cells


_NOTE = (
    "\nTainted: trained on rows that are to be forgotten, or descended from a model that was, "
    "whatever it says. A certificate that verifies lifts the taint; it says what was tested, not "
    "that nothing is left (docs/lineage.md).\n"
)
