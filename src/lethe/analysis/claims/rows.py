"""Rows of judged claims in files: checking them, and pooling those of several worlds."""

from collections.abc import Mapping, Sequence
from typing import Any

from lethe.analysis.claims.claim import judged
from lethe.analysis.claims.verdict import Criterion
from lethe.common.errors import LetheError
from lethe.common.numbers import finite

NUMBER = (int, float)
# The keys of a row of claims.json (``lethe.analysis.claims.tofu``) and their types.
FIELDS = {
    "model": str,
    "split": str,
    "claim": str,
    "relation": str,
    "bound": NUMBER,
    "margin": (*NUMBER, type(None)),
    "kind": str,
    "values": dict,
    "verdict": str,
    "low": NUMBER,
    "high": NUMBER,
    "coverage": NUMBER,
    "seeds": int,
}
CRITERION = ("relation", "bound", "margin", "kind")
PLACE = ("model", "split", "claim")


def is_row(row: Any) -> bool:
    """Whether a row has all fields, and the verdict that follows from its values."""
    if not isinstance(row, dict) or set(row) != set(FIELDS):
        return False
    if not all(_is(row[key], kind) for key, kind in FIELDS.items()):
        return False
    if not all(seed.isdecimal() and _is(x, NUMBER) for seed, x in row["values"].items()):
        return False
    try:
        return judged_again(row, row["values"]) == row
    except LetheError:
        return False


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is of a type; a number must be finite, and not true or false."""
    number = isinstance(value, NUMBER)
    return isinstance(value, kind) and not isinstance(value, bool) and (not number or finite(value))


def judged_again(row: Mapping[str, Any], values: Mapping[str, float]) -> dict[str, Any]:
    """The row of the same claim with these values by seed; LetheError without values."""
    criterion = Criterion(**{key: row[key] for key in CRITERION})
    place = {"model": row["model"], "split": row["split"]}
    return place | judged(row["claim"], criterion, values)


def pooled(worlds: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Each claim judged on the seeds of several worlds together, in the order of their first rows.

    LetheError if two worlds have the same seed, or if a claim's bound differs between them.
    """
    first: dict[tuple, Mapping[str, Any]] = {}
    values: dict[tuple, dict[str, float]] = {}
    for row in (row for world in worlds for row in world):
        key = tuple(row[name] for name in PLACE)
        known, own = first.setdefault(key, row), values.setdefault(key, {})
        if any(row[name] != known[name] for name in CRITERION):
            raise LetheError(
                f"claims: the bound differs in one file: {row['claim']}; make it again"
            )
        if own.keys() & row["values"].keys():
            seed = min(own.keys() & row["values"].keys())
            raise LetheError(f"claims: seed {seed} is in two files; give each seed once")
        own |= row["values"]
    return [judged_again(row, values[key]) for key, row in first.items()]
