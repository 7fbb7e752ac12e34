"""What each run cost, compared with training the oracle, which needs no unlearning.

The cost of a method is that of all its jobs: reference losses and alternative answers are counted
for each method that needs them, though they are made once; that of a pair of defences is both
trainings. Passes of different lengths are compared by tokens; a backward pass counts as two.
"""

import math

import pandas as pd

from lethe.analysis.costs import COLUMNS, KEY, PEAKS, SHARES, SUMS
from lethe.common.errors import LetheError
from lethe.common.files import read_json
from lethe.report.labels import FULL, run_label
from lethe.report.table_layout import markdown_table
from lethe.report.tables.base import TableData

READS = ("costs",)
PAGE = {
    "title": "What each run cost",
    "section": "cost",
    "columns": {
        "compute_share": ("Compute, of oracle ↓", ".1%"),
        "cpu_share": ("CPU, of oracle ↓", ".1%"),
        "wall_share": ("Wall, of oracle ↓", ".1%"),
        "wall_seconds": ("Wall (s)", ".1f"),
        "peak_memory_mib": ("Peak (MiB)", ".0f"),
        "peak_cuda_mib": ("Peak GPU (MiB)", ".0f"),
        "forward_passes": ("Forward passes", ".0f"),
        "backward_passes": ("Backward passes", ".0f"),
        "compute": ("Compute (tokens)", ",.0f"),
    },
}
BACKWARD = 2


def build(data: TableData) -> pd.DataFrame:
    """One row for each run and seed; shares are of the oracle's training with the same seed.

    ``compute`` is in tokens that pass a model forward. External checkpoints have no row, and
    shares of an external oracle's cost are NaN.
    """
    rows = pd.DataFrame(_rows(data))
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    oracles = [role for split in rows["split"].unique() for role in data.roles(split)]
    # Pairs of defences are below the methods.
    order = list(dict.fromkeys((FULL, *oracles, *data.methods, *rows["run"])))
    rows["rank"] = rows["run"].map(order.index)
    how = dict.fromkeys(SUMS, "sum") | dict.fromkeys(PEAKS, "max") | {"rank": "first"}
    table = rows.groupby(KEY, sort=False).agg(how).reset_index()
    table = table.sort_values(["model", "split", "rank", "seed"], kind="stable")
    table["compute"] = table["forward_tokens"] + BACKWARD * table["backward_tokens"]
    for share, number in SHARES.items():
        table[share] = table[number] / table.apply(_oracles(table, number, data), axis=1)
    return table[COLUMNS].reset_index(drop=True)


def _rows(data: TableData):
    for entry in data.files:
        cost = read_json(entry["path"])
        missing = [key for key in (*SUMS, "peak_memory_mib") if key not in cost]
        if missing:
            raise LetheError(f"{entry['path']}: no {missing[0]}; delete it and make it again")
        numbers = {key: cost.get(key, 0) for key in (*SUMS, *PEAKS)}
        yield {key: entry[key] for key in KEY} | numbers


def _oracles(table: pd.DataFrame, number: str, data: TableData):
    """The same number of the oracle with a row's seed; NaN if that oracle was not trained here."""
    trained = table.set_index(["model", "split", "run", "seed"])[number]

    def of_row(row: pd.Series) -> float:
        role = data.roles(row["split"])[0]
        return float(trained.get((row["model"], row["split"], role, row["seed"]), math.nan))

    return of_row


def markdown(table: pd.DataFrame) -> str:
    """A line for each run, with means over seeds."""
    rows = []
    places = table.groupby(["model", "split", "run"], sort=False)
    for (model, split, run), seeds in places:
        mean = seeds[[*SUMS, *SHARES]].mean()
        rows.append(
            {
                "Model": model,
                "Forget set": split,
                "Run": run_label(run),
                "Wall (s)": f"{mean['wall_seconds']:.1f}",
                "CPU (s)": f"{mean['cpu_seconds']:.1f}",
                "Peak (MiB)": f"{seeds['peak_memory_mib'].max():.0f}",
                "Peak GPU (MiB)": f"{seeds['peak_cuda_mib'].max():.0f}",
                "Forward passes": f"{mean['forward_passes']:.0f}",
                "Backward passes": f"{mean['backward_passes']:.0f}",
                "Compute, of oracle ↓": _percent(mean["compute_share"]),
                "CPU, of oracle ↓": _percent(mean["cpu_share"]),
                "Wall, of oracle ↓": _percent(mean["wall_share"]),
            }
        )
    return markdown_table(rows) + _NOTE


def _percent(share: float) -> str:
    return "" if math.isnan(share) else f"{share:.1%}"


_NOTE = (
    "\nCompute: tokens that pass a model, those of backward passes twice. Above 100%, training the "
    "oracle is cheaper. Peak: of the whole process, libraries included; seconds: loading and "
    "saving included, and they vary from run to run.\n"
)
