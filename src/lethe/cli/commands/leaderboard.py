"""``lethe leaderboard``: runs of several worlds, models and machines on one page."""

import argparse
import sys

from lethe.cli.arguments import by_options, place
from lethe.common.characters import shown
from lethe.common.errors import LetheError


def add(commands) -> None:
    leaderboard = commands.add_parser(
        "leaderboard", help="runs of several worlds and machines on one page, checked by records"
    )
    leaderboard.add_argument("folders", nargs="+", type=place, help="results/WORLD")
    leaderboard.add_argument(
        "--rerun",
        nargs="+",
        type=place,
        default=[],
        help="results/WORLD of others who ran the same configurations again",
    )
    leaderboard.add_argument("--out", type=place, required=True, help="the folder to write into")
    leaderboard.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the files; LetheError if no entry is left. Refused entries are printed."""
    from lethe.analysis.leaderboard import gather
    from lethe.report.leaderboard import PAGE, write_leaderboard

    with by_options():
        entries, refused = gather(options.folders, options.rerun)
        if not entries:
            raise LetheError(f"{refused[0].place}: {refused[0].why}; no entry is left")
        write_leaderboard(entries, refused, options.out)
    for one in refused:
        print(shown(f"refused: {one.place}: {one.why}"), file=sys.stderr)
    print(f"{len(entries)} entries, {len(refused)} refused: {options.out}/{PAGE}")
