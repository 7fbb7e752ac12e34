"""What papers claim about their methods, judged on the runs of this configuration."""

import pandas as pd

from lethe.analysis.claims.paper_check import check, paper_claims
from lethe.analysis.supervision_recall import summary
from lethe.report import claim_layout
from lethe.report.table_layout import markdown_table
from lethe.report.tables.base import TableData
from lethe.report.tables.states import COLUMNS, state_scores
from lethe.report.tables.strategies import of_searches

READS = (
    "scores",
    "states",
    "lines",
    "defences",
    "requests",
    "supervisions",
    "strategies",
    "papers",
)
PAGE = {
    "title": "What papers claim about their methods",
    "section": "claims",
    "columns": {
        "verdict": ("Verdict", ""),
        "paper": ("Paper", ""),
        "claim": ("Claim", ""),
        "low": ("Lowest seed", ".3g"),
        "high": ("Highest seed", ".3g"),
        "relation": ("Must be", ""),
        "bound": ("Bound", ".3g"),
        "seeds": ("Seeds", ".0f"),
        "reason": ("Why not tested", ""),
    },
}
START = {"paper": "Paper", "claim": "Claim"}


def build(data: TableData) -> pd.DataFrame:
    """One row for each claim, model and split; claims about what was not run are left out."""
    files = list(data.files)
    states = state_scores([entry for entry in files if "metric" in entry])
    made = _of_supervisions([entry for entry in files if "gold" in entry])
    searched = of_searches([entry for entry in files if "strategy" in entry])
    more = [part for part in (made, searched) if len(part)]
    everything = pd.concat([states, *more]) if more else states
    return check(data.scores, everything, data.seeds, paper_claims())


def _of_supervisions(files) -> pd.DataFrame:
    """What each supervision recovers, as a score of the run that was asked, in a state ``kind``."""
    rows = [
        (
            *(entry[key] for key in ("model", "split", "run", "kind")),
            int(entry["seed"]),
            "supervision",
            "recall",
            summary(entry)["recall"],
        )
        for entry in files
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def markdown(table: pd.DataFrame) -> str:
    """Tested claims with their range and verdict, then the untested ones with the reason."""
    blocks = []
    for (model, split), part in table.groupby(["model", "split"], sort=False):
        rows = part.to_dict("records")
        blocks.append(f"{model}, {split}. {claim_layout.counted(rows)}\n")
        for lines in (claim_layout.tested(rows, START), claim_layout.untested(rows)):
            blocks += [markdown_table(lines)] if lines else []
        blocks += [claim_layout.coverage_note(rows)]
    return "\n".join(block for block in blocks if block)
