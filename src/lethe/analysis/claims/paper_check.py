"""The claims of papers, judged on the runs of a configuration."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from lethe.analysis.claims import papers
from lethe.analysis.claims.claim import Claim
from lethe.analysis.claims.runs import Runs

COLUMNS = [
    "model",
    "split",
    "subject",
    "paper",
    "claim",
    "kind",
    "relation",
    "bound",
    "margin",
    "values",
    "low",
    "high",
    "coverage",
    "seeds",
    "verdict",
    "reason",
]


@dataclass(frozen=True)
class PaperClaim:
    """A claim, the paper that makes it, and the subject whose preset tests it."""

    paper: str
    subject: str
    claim: Claim


def paper_claims() -> list[PaperClaim]:
    """The claims of all papers, by the names of their files."""
    return [
        PaperClaim(declared.paper, declared.subject, claim)
        for name in papers.names()
        for declared in [papers.contract(name)]
        for claim in papers.load(name).CLAIMS
    ]


def check(
    scores: pd.DataFrame,
    states: pd.DataFrame,
    seeds: Sequence[int],
    claims: Iterable[PaperClaim],
) -> pd.DataFrame:
    """A row for each model, split and claim, all seeds together; ``values`` are JSON by seed."""
    claims, rows = list(claims), []
    for place, _ in scores.groupby(["model", "split"], sort=False):
        runs = [*map(partial(Runs, scores, states, place), seeds)]
        for one in runs:
            one.others = [other for other in runs if other is not one]
        for one in claims:
            row = one.claim.row_or_reason(place[1], runs)
            row |= {"values": json.dumps(row["values"])} if "values" in row else {}
            whose = {"subject": one.subject, "paper": one.paper}
            rows.append(dict(zip(("model", "split"), place, strict=True)) | whose | row)
    return pd.DataFrame(rows, columns=COLUMNS)
