"""What each run cost, beside what it costs to train the oracle, which needs no unlearning.

The cost of a method is that of all its jobs: what is kept of the model before unlearning and the
alternative answers are counted for each method that needs them, though made once. Passes of
different lengths are compared by tokens; a backward pass counts as two forward ones.
"""

import os

import pandas as pd

from lethe.errors import LetheError
from lethe.files import read_json
from lethe.tables.base import TableData
from lethe.tables.labels import FULL, RETAIN, run_label
from lethe.tables.scores import read_numbers
from lethe.tables.shape import markdown_table

READS = ("costs",)
KEY = ["model", "split", "run", "seed"]
# Of a run's jobs, seconds and passes add up; of memory the highest peak counts.
SUMS = {
    "wall_seconds": float,
    "cpu_seconds": float,
    "forward_passes": int,
    "backward_passes": int,
    "forward_tokens": int,
    "backward_tokens": int,
}
PEAKS = {"peak_memory_mib": float, "peak_cuda_mib": float}
SHARES = {"wall_share": "wall_seconds", "cpu_share": "cpu_seconds", "compute_share": "compute"}
COLUMNS = [*KEY, *SUMS, *PEAKS, "compute", *SHARES]
NUMBERS = {"seed": int, **SUMS, **PEAKS, "compute": int, **dict.fromkeys(SHARES, float)}
BACKWARD = 2


def build(data: TableData) -> pd.DataFrame:
    """One row for each run and seed; shares are of the oracle's training with the same seed.

    ``compute`` is in tokens that pass a model forward.
    """
    rows = pd.DataFrame(_rows(data))
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    order = list(dict.fromkeys((FULL, RETAIN, *data.methods)))
    rows["rank"] = rows["run"].map(order.index)
    how = dict.fromkeys(SUMS, "sum") | dict.fromkeys(PEAKS, "max") | {"rank": "first"}
    table = rows.groupby(KEY, sort=False).agg(how).reset_index()
    table = table.sort_values(["model", "split", "rank", "seed"], kind="stable")
    table["compute"] = table["forward_tokens"] + BACKWARD * table["backward_tokens"]
    for share, number in SHARES.items():
        table[share] = table[number] / table.apply(_oracles(table, number), axis=1)
    return table[COLUMNS].reset_index(drop=True)


def _rows(data: TableData):
    for entry in data.files:
        cost = read_json(entry["path"])
        missing = [key for key in (*SUMS, "peak_memory_mib") if key not in cost]
        if missing:
            raise LetheError(f"{entry['path']}: no {missing[0]}; delete it and make it again")
        numbers = {key: cost.get(key, 0) for key in (*SUMS, *PEAKS)}
        yield {key: entry[key] for key in KEY} | numbers


def _oracles(table: pd.DataFrame, number: str):
    """The same number of the oracle with a row's seed."""
    trained = table[table["run"] == RETAIN].set_index(["model", "split", "seed"])[number]

    def of(row: pd.Series) -> float:
        place = (row["model"], row["split"], row["seed"])
        if place not in trained.index:
            raise LetheError(f"cost: no oracle of {'/'.join(map(str, place))}; train it")
        return float(trained[place])

    return of


def read_costs(path: str | os.PathLike) -> pd.DataFrame:
    """Read what ``build`` made; anything else is a LetheError."""
    return read_numbers(path, COLUMNS, NUMBERS, KEY)


def markdown(table: pd.DataFrame) -> str:
    """A line for each run, means over seeds."""
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
                "Compute, of oracle ↓": f"{mean['compute_share']:.1%}",
                "CPU, of oracle ↓": f"{mean['cpu_share']:.1%}",
                "Wall, of oracle ↓": f"{mean['wall_share']:.1%}",
            }
        )
    return markdown_table(rows) + _NOTE


_NOTE = (
    "\nCompute: tokens that pass a model, those of backward passes twice. Above 100%, training the "
    "oracle is cheaper. Peak: of the whole process, libraries included; seconds: loading and "
    "saving included, and they vary from run to run.\n"
)
