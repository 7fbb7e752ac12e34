"""Judged claims as Markdown: counts, those that were tested, and those that were not."""

import json
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from lethe.analysis.claims.verdict import FAILS, HOLDS, UNDECIDED, UNTESTED, Criterion

Row = Mapping[str, Any]


def counted(rows: Sequence[Row]) -> str:
    """How many claims have each verdict."""
    verdicts = [row["verdict"] for row in rows]
    shown = [HOLDS, FAILS, UNDECIDED, *([UNTESTED] if UNTESTED in verdicts else [])]
    counts = ", ".join(f"{verdict} {verdicts.count(verdict)}" for verdict in shown)
    return f"{len(rows)} {'claim' if len(rows) == 1 else 'claims'}: {counts}."


def tested(rows: Sequence[Row], start: Mapping[str, str]) -> list[dict[str, str]]:
    """The rows of a Markdown table; ``start``: the headings of its first columns, by key."""
    return [
        {heading: row[key] for key, heading in start.items()}
        | {
            "Median over seeds": span(row),
            "Seeds": str(row["seeds"]),
            "Must be": must_be(row),
            "Verdict": _verdict(row["verdict"]),
        }
        for row in rows
        if row["verdict"] != UNTESTED
    ]


def untested(rows: Sequence[Row]) -> list[dict[str, str]]:
    """The rows of a Markdown table of claims that were not tested, with the reason."""
    return [
        {
            "Paper": row["paper"],
            "Claim": row["claim"],
            "Must be": must_be(row),
            "Not tested": row["reason"],
        }
        for row in rows
        if row["verdict"] == UNTESTED
    ]


def _verdict(verdict: str) -> str:
    """The verdict, in capitals if a claim fails, so that nobody overlooks it."""
    return verdict.upper() if verdict == FAILS else verdict


def span(row: Row) -> str:
    """The median of a claim's values and, for several seeds, their range."""
    values = row["values"]
    values = json.loads(values) if isinstance(values, str) else values
    middle = f"{median(values.values()):.3g}"
    return middle if len(values) == 1 else f"{middle} [{row['low']:.3g}, {row['high']:.3g}]"


def must_be(row: Row) -> str:
    """A row's criterion in words; empty if no value could satisfy it."""
    if not isinstance(row["relation"], str):
        return ""
    # An empty cell of a CSV file is NaN.
    margin = row["margin"] if row["margin"] == row["margin"] else None
    return Criterion(row["relation"], row["bound"], margin, row["kind"]).words()


def coverage_note(rows: Sequence[Row]) -> str:
    """How often ranges over ``count`` seeds cover the median over seeds; empty for one seed."""
    seeds = {int(row["seeds"]): row["coverage"] for row in rows if row["seeds"] > 1}
    return "".join(
        f"In brackets the range over {count} seeds, which covers the median over seeds in "
        f"{share:.0%}.\n"
        for count, share in sorted(seeds.items())
    )
