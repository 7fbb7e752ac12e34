"""The table of papers' claims in the documentation, put together from the outputs of runs.

A page has the lines ``<!-- claims -->`` and ``<!-- end of claims -->``; the text between them is
rewritten. Each run's block says when, and at which commit, its claims were judged.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lethe.analysis.claims.paper_check import COLUMNS
from lethe.analysis.claims.rows import CRITERION, is_row
from lethe.analysis.claims.verdict import UNTESTED, Criterion, judge
from lethe.common.errors import LetheError
from lethe.common.files import GIVEN, read_json, read_text, write_text
from lethe.report import claim_layout
from lethe.report.table_layout import markdown_table

BEGINNING, END = "<!-- claims -->", "<!-- end of claims -->"
REVISION = "claims_revision.json"
OWN = "claims.json"
# Worlds of the presets of config/claims.
PREFIX = "claims_"

Row = dict[str, Any]


@dataclass(frozen=True)
class Outputs:
    """What a run says about claims: the papers', those about its models, its date and commit."""

    world: str
    papers: list[Row]
    models: list[Row]
    revision: dict[str, Any]

    @property
    def subject(self) -> str | None:
        """The subject that the run tests; None if it uses no such preset."""
        subject = self.world.removeprefix(PREFIX)
        return subject if subject in {row["subject"] for row in self.papers} else None

    @property
    def tested(self) -> list[Row]:
        """The claims of its subject that it tests; without a subject, those of all."""
        rows = [row for row in self.papers if row["verdict"] != UNTESTED]
        return [row for row in rows if self.subject in (None, row["subject"])]


def write(page: str | os.PathLike, tables: Sequence[str | os.PathLike]) -> None:
    """Write the block of a page from files ``results/WORLD/tables/method_claims.csv``.

    LetheError if a file is not such a table, has a verdict that does not follow from its values, or
    lacks its revision, or if the page has no place for the block.
    """
    text = read_text(page)
    before, begun, rest = text.partition(BEGINNING + "\n")
    _, ended, after = rest.partition(END)
    if not (begun and ended):
        raise LetheError(f"{page}: no lines {BEGINNING} and {END}; write them where claims belong")
    block = markdown([read_outputs(table) for table in tables])
    write_text(page, f"{before}{BEGINNING}\n\n{block}\n{END}{after}")


def read_outputs(table: str | os.PathLike) -> Outputs:
    """The papers' claims of a run, and the files beside that table."""
    folder = Path(table).parent
    if not (folder / REVISION).exists():
        raise LetheError(
            f"{folder / REVISION}: missing; ask the run for it: `snakemake claims_revision` with "
            "the same configuration"
        )
    models = read_json(folder / OWN)
    if not (isinstance(models, list) and all(map(is_row, models))):
        raise LetheError(f"{folder / OWN}: no claims; delete it to have it made again")
    revision = read_json(folder / REVISION)
    return Outputs(folder.resolve().parent.name, _paper_rows(table), models, revision)


def _paper_rows(table: str | os.PathLike) -> list[Row]:
    """The rows of a table ``method_claims``; LetheError for any other file."""
    import pandas as pd

    try:
        read = pd.read_csv(table, keep_default_na=True)
        rows = read.astype({"reason": object}).fillna({"reason": ""}).to_dict("records")
        good = list(read.columns) == COLUMNS and all(map(_follows, rows))
    except (OSError, ValueError, KeyError, LetheError) as error:
        raise LetheError(f"{table}: not a table of claims ({error}); {GIVEN}") from None
    if not (rows and good):
        raise LetheError(f"{table}: not a table of claims, or one with other values; {GIVEN}")
    return rows


def _follows(row: Row) -> bool:
    """Whether the verdict of a row follows from its values."""
    if row["verdict"] == UNTESTED:
        return bool(row["reason"])
    criterion = {key: row[key] for key in CRITERION}
    criterion["margin"] = None if row["margin"] != row["margin"] else row["margin"]
    again = judge(Criterion(**criterion), list(json.loads(row["values"]).values()))
    return (again.verdict, again.seeds) == (row["verdict"], row["seeds"])


def markdown(runs: Sequence[Outputs]) -> str:
    """One block for each run, then the claims that no run tests."""
    blocks = [_run(run) for run in runs]
    left = claim_layout.untested(_untested(runs))
    if left:
        blocks.append("### Not tested\n\n" + markdown_table(left))
    return "\n".join(blocks)


def _run(run: Outputs) -> str:
    """Where, when and with which code it ran; the run's own claims, then the papers'."""
    start = f"### {run.subject or run.world}\n\nWorld `{run.world}`, {_when(run.revision)}. "
    parts = [start + claim_layout.counted(run.tested) + "\n"]
    models = _placed(run.models, {"claim": "What the run shows"})
    papers = _placed(run.tested, {"paper": "Paper", "claim": "Claim"})
    parts += [markdown_table(lines) for lines in (models, papers) if lines]
    parts += [claim_layout.coverage_note([*run.models, *run.tested])]
    return "\n".join(part for part in parts if part)


def _placed(rows: Sequence[Row], start: dict[str, str]) -> list[dict[str, str]]:
    """The rows of a Markdown table, with model and split if there are several."""
    names = {"model": "Model", "split": "Forget set"}
    many = {key: name for key, name in names.items() if len({row[key] for row in rows}) > 1}
    return claim_layout.tested(rows, many | start)


def _when(revision: dict[str, Any]) -> str:
    """Date and commit of a run, in words."""
    if revision["commit"] is None:
        return f"{revision['date']}, version {revision['version']}"
    changed = ", with changes" if revision["changed"] else ""
    return f"{revision['date']}, commit `{revision['commit'][:10]}`{changed}"


def _untested(runs: Sequence[Outputs]) -> list[Row]:
    """Each claim that no run tests, once, with the reason given by its own subject's run."""
    tested = {(row["paper"], row["claim"]) for run in runs for row in run.tested}
    subjects = {run.subject for run in runs}
    rows: dict[tuple[str, str], Row] = {}
    for run in runs:
        for row in run.papers:
            key = (row["paper"], row["claim"])
            if key in tested or (row["verdict"] != UNTESTED and row["subject"] in subjects):
                continue
            if row["subject"] not in subjects and None not in subjects:
                row = row | {"verdict": UNTESTED, "reason": _unrun(row["subject"])}
            if key not in rows or run.subject == row["subject"]:
                rows[key] = row
    return list(rows.values())


def _unrun(subject: str) -> str:
    return f"its preset, config/claims/{subject}.yaml, has not been run"
