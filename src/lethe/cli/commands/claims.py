"""``lethe claims``: the checks of a run, one on each line."""

import argparse
from typing import Any

from lethe.cli.arguments import place
from lethe.common.characters import shown
from lethe.common.errors import LetheError

# The keys of a claim (``lethe.analysis.claims.tofu``) and their types.
FIELDS = {
    "model": str,
    "split": str,
    "seed": int,
    "claim": str,
    "value": (int, float),
    "relation": str,
    "bound": (int, float),
    "holds": bool,
}


def add(commands) -> None:
    claims = commands.add_parser("claims", help="print the checks of a run; exit 1 if one fails")
    claims.add_argument("file", type=place, help="results/WORLD/tables/claims.json")
    claims.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print each claim; LetheError if one fails."""
    rows = read_claims(options.file)
    for row in rows:
        verdict = "holds" if row["holds"] else "FAILS"
        line = (
            f"{verdict}  {row['model']}/{row['split']} seed {row['seed']}: {row['claim']} "
            f"{row['value']:.3g} (must be {row['relation']} {row['bound']:g})"
        )
        print(shown(line))
    failed = sum(not row["holds"] for row in rows)
    print(f"{len(rows) - failed} of {len(rows)} claims hold")
    if failed:
        raise LetheError(f"{options.file}: {failed} of the claims fail")


def read_claims(file: str) -> list[dict[str, Any]]:
    """The rows of a claims file; LetheError for any other JSON."""
    from lethe.common.files import GIVEN, read_json

    rows = read_json(file, GIVEN)
    if not (isinstance(rows, list) and rows and all(map(_is_claim, rows))):
        raise LetheError(f"{file}: no claims; name results/WORLD/tables/claims.json")
    return rows


def _is_claim(row: Any) -> bool:
    if not isinstance(row, dict) or not all(
        isinstance(row.get(key), kind) for key, kind in FIELDS.items()
    ):
        return False
    value, bound = row["value"], row["bound"]
    return row["holds"] == (value > bound if row["relation"] == ">" else value < bound)
