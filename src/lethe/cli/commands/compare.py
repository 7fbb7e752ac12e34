"""``lethe compare``: two runs side by side, with paired intervals by item."""

import argparse

from lethe.cli.arguments import by_options, place, whole
from lethe.common.outputs import check_file

NOTE = (
    "low, high: 95% interval of the difference, from differences by item; each by itself, not "
    "all together. It does not cover other seeds of the training."
)


def add(commands) -> None:
    compare = commands.add_parser(
        "compare", help="two runs side by side, with paired intervals by item"
    )
    for side in ("a", "b"):
        compare.add_argument(side, type=place, help="results/WORLD/MODEL/SPLIT/RUN/seedN")
    compare.add_argument("--epoch", type=whole(0), help="of both (default: the last of each)")
    compare.add_argument("--metrics", nargs="+", help="by default all that both have")
    compare.add_argument("--out", type=place, help="a CSV file to write as well")
    compare.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print a line for each value; with ``--out`` write them to a file, too."""
    from pathlib import Path

    from lethe.analysis.comparison import Run, compare
    from lethe.common.files import write_text

    if options.out is not None:
        check_file(options.out, (options.a, options.b))
    with by_options():
        sides = [Run(Path(side), options.epoch) for side in (options.a, options.b)]
        table = compare(*sides, options.metrics)
    if options.out is not None:
        write_text(options.out, table.to_csv(index=False, float_format="%.17g"))
    print("\t".join(table.columns))
    for row in table.itertuples(index=False, name=None):
        print("\t".join(map(_shown, row)))
    print(NOTE)


def _shown(cell) -> str:
    import pandas as pd

    if pd.isna(cell):
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)
