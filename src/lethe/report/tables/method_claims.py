"""What papers claim about their methods, judged on the runs of this configuration."""

import pandas as pd

from lethe.analysis.claims.paper_check import check, paper_claims
from lethe.report import claim_layout
from lethe.report.table_layout import markdown_table
from lethe.report.tables.base import TableData
from lethe.report.tables.states import state_scores

READS = ("scores", "states", "lines", "defences", "requests", "papers")
PAGE = {
    "title": "What papers claim of their methods",
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
    """One row for each claim, model and split; claims about what was not run are not."""
    return check(data.scores, state_scores(data.files), data.seeds, paper_claims())


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
