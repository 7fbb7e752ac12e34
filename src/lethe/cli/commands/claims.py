"""``lethe claims``: the checks of a run, one on each line; or a page's table of claims."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from lethe.cli.arguments import place
from lethe.common.characters import shown
from lethe.common.errors import LetheError

CLAIMS = "results/WORLD/tables/claims.json"
TABLE = "results/WORLD/tables/method_claims.csv"


def add(commands) -> None:
    claims = commands.add_parser(
        "claims",
        help="print the checks of a run; exit 1 if one fails",
        description="Print the checks of a run, those of several worlds judged together; exit 1 "
        "if one fails. With --page, write the papers' claims of several runs into a page instead.",
    )
    claims.add_argument(
        "files", nargs="+", metavar="file", type=place, help=f"{CLAIMS}; with --page {TABLE}"
    )
    claims.add_argument("--page", type=place, help="the page with the table to write again")
    claims.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print each claim, or write the page; LetheError if a claim fails."""
    if options.page is not None:
        from lethe.report.claims_page import write

        write(options.page, options.files)
        return
    rows = printed(options.files)
    refuse_failing(rows, options.files[0])


def printed(files: Sequence[str]) -> list[dict[str, Any]]:
    """Print each claim of these files, and how many have each verdict; the rows."""
    from lethe.analysis.claims.rows import pooled
    from lethe.analysis.claims.verdict import ENOUGH, PAIRED
    from lethe.report.claim_layout import counted

    worlds = [read_claims(file) for file in files]
    rows = pooled(worlds) if len(worlds) > 1 else worlds[0]
    for row in rows:
        print(shown(line(row)))
    print(counted(rows))
    if any(row["kind"] == PAIRED and row["seeds"] < ENOUGH for row in rows):
        print(f"A comparison is undecided with fewer than {ENOUGH} seeds; docs/claims.md")
    return rows


def line(row: Mapping[str, Any]) -> str:
    """A claim with its values and verdict, for the screen."""
    from lethe.analysis.claims.verdict import FAILS
    from lethe.report.claim_layout import must_be, span

    verdict = row["verdict"].upper() if row["verdict"] == FAILS else row["verdict"]
    seeds = row["seeds"]
    of = "1 seed" if seeds == 1 else f"{seeds} seeds, {row['coverage']:.0%}"
    return (
        f"{verdict:<9}  {row['model']}/{row['split']}: {row['claim']} {span(row)} "
        f"(must be {must_be(row)}; {of})"
    )


def refuse_failing(rows: Sequence[Mapping[str, Any]], file: str) -> None:
    """LetheError if a claim fails."""
    from lethe.analysis.claims.verdict import FAILS

    failed = sum(row["verdict"] == FAILS for row in rows)
    if failed:
        raise LetheError(f"{file}: {failed} of the claims {'fails' if failed == 1 else 'fail'}")


def read_claims(file: str) -> list[dict[str, Any]]:
    """The rows of a claims file; LetheError for any other JSON."""
    from lethe.analysis.claims.rows import is_row
    from lethe.common.files import GIVEN, read_json

    rows = read_json(file, GIVEN)
    if isinstance(rows, list) and rows and all(map(_is_old, rows)):
        raise LetheError(
            f"{file}: claims of one seed each, as an earlier version judged them; run its "
            "workflow again"
        )
    if not (isinstance(rows, list) and rows and all(map(is_row, rows))):
        raise LetheError(f"{file}: not claims; name {CLAIMS}")
    return rows


def _is_old(row: Any) -> bool:
    return isinstance(row, dict) and "holds" in row and "verdict" not in row
