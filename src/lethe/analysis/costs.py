"""The file of costs: a row for each run and seed."""

import os

import pandas as pd

from lethe.common.errors import LetheError

KEY = ["model", "split", "run", "seed"]
# Over a run's jobs, seconds and passes add up; for memory the highest peak counts.
SUMS = (
    "wall_seconds",
    "cpu_seconds",
    "forward_passes",
    "backward_passes",
    "forward_tokens",
    "backward_tokens",
)
PEAKS = ("peak_memory_mib", "peak_cuda_mib")
SHARES = {"wall_share": "wall_seconds", "cpu_share": "cpu_seconds", "compute_share": "compute"}
COLUMNS = [*KEY, *SUMS, *PEAKS, "compute", *SHARES]


def read_costs(path: str | os.PathLike) -> pd.DataFrame:
    """Read the file of the table ``cost``; anything else is a LetheError."""
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise LetheError(f"{path}: not a table of costs ({error}); delete it") from None
    if list(table) != COLUMNS:
        raise LetheError(f"{path}: expected the columns {','.join(COLUMNS)}; delete it")
    return table
