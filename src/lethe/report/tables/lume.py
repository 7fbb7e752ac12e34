"""LUME's scores of every run at its last epoch, and of which components the last column is.

Source: SemEval-2025 task 4, arXiv 2504.02883; docs/lume.md says how to read it.
"""

from collections.abc import Mapping

import pandas as pd

from lethe.report.table_layout import is_measured, value_rows, value_table
from lethe.report.tables.base import TableData

ONLY_WITH = ("metrics.lume_tasks",)
PAGE = {
    "title": "LUME (SemEval-2025 task 4)",
    "section": "summary",
    "place": 0,
    "columns": {
        "forget_regurgitation": ("Forget: regurgitation ↓", ".3f"),
        "forget_knowledge": ("knowledge ↓", ".3f"),
        "retain_regurgitation": ("Retain: regurgitation ↑", ".3f"),
        "retain_knowledge": ("knowledge ↑", ".3f"),
        "task_aggregate": ("Task aggregate ↑", ".3f"),
        "membership": ("Membership ↑", ".3f"),
        "mmlu": ("MMLU ↑", ".3f"),
        "final": ("Final ↑", ".3f"),
    },
}
# key: (metric, value in its file, heading)
NUMBERS = {
    "forget_regurgitation": ("lume_tasks", "forget_regurgitation", "Forget: regurgitation ↓"),
    "forget_knowledge": ("lume_tasks", "forget_knowledge", "Forget: knowledge ↓"),
    "retain_regurgitation": ("lume_tasks", "retain_regurgitation", "Retain: regurgitation ↑"),
    "retain_knowledge": ("lume_tasks", "retain_knowledge", "Retain: knowledge ↑"),
    "task_aggregate": ("lume_tasks", "task_aggregate", "Task aggregate ↑"),
    "membership": ("membership_document", "score", "Membership ↑"),
    "mmlu": ("mmlu", "accuracy", "MMLU ↑"),
    "final": ("lume_final", "final", "Final ↑"),
}
# What the final score is the mean of, and what it is called in the note.
COMPONENTS = {"membership": "membership_document", "mmlu": "mmlu"}


def build(data: TableData) -> pd.DataFrame:
    """One row for each model, split and run; what was not measured has no column."""
    return value_rows(
        data,
        {key: one[:2] for key, one in NUMBERS.items() if is_measured(data.scores, one[0])},
    )


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers, and what is missing for a final score."""
    headings = {key: (heading, ".3f") for key, (_, _, heading) in NUMBERS.items()}
    return value_table(table, headings) + _missing(table)


def _missing(table: Mapping) -> str:
    """One line on the components of the final score that there are."""
    if "final" in table:
        return "Final: the mean of task aggregate, membership and MMLU.\n"
    absent = [metric for key, metric in COMPONENTS.items() if key not in table]
    return (
        "No final score: it is the mean of task aggregate, membership and MMLU, and the metric "
        f"{' and '.join(absent) or 'lume_final'} was not computed.\n"
    )
