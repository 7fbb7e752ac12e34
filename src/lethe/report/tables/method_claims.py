"""What papers claim about their methods, checked on the runs of this configuration."""

import pandas as pd

from lethe.analysis.claims.claim import FAILS, HOLDS, UNTESTED, check
from lethe.analysis.claims.papers import CLAIMS
from lethe.report.table_layout import markdown_table
from lethe.report.tables.base import TableData
from lethe.report.tables.states import state_scores

READS = ("scores", "states")


def build(data: TableData) -> pd.DataFrame:
    """One row for each claim, model, split and seed; claims about missing attacks are untested."""
    return check(data.scores, state_scores(data.files), data.seeds, CLAIMS)


def markdown(table: pd.DataFrame) -> str:
    """Tested claims with value and verdict, then the untested ones with the reason."""
    blocks = []
    for (model, split, seed), part in table.groupby(["model", "split", "seed"], sort=False):
        tested = part[part["verdict"] != UNTESTED]
        count = {verdict: int((tested["verdict"] == verdict).sum()) for verdict in (HOLDS, FAILS)}
        blocks.append(
            f"{model}, {split}, seed {seed}: {count[HOLDS]} claims hold, {count[FAILS]} fail, "
            f"{len(part) - len(tested)} are not tested.\n"
        )
        rows = [
            {
                "Paper": row["paper"],
                "Claim": row["claim"],
                "Value": f"{row['value']:.3g}",
                "Must be": f"{row['relation']} {row['bound']:g}",
                "Verdict": row["verdict"],
            }
            for row in tested.to_dict("records")
        ]
        blocks += [markdown_table(rows)] if rows else []
        untested = part[part["verdict"] == UNTESTED]
        rows = [
            {"Paper": row["paper"], "Claim": row["claim"], "Not tested": row["reason"]}
            for row in untested.to_dict("records")
        ]
        blocks += [markdown_table(rows)] if rows else []
    return "\n".join(blocks)
