"""LUME's two sets: a greedy answer to every completion and question (arXiv 2502.15097).

A completion's question is the beginning of a text, and its answer the rest of it.
"""

from dataclasses import replace

from lethe.evaluate import task_rows
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites import answers
from lethe.evaluate.task_rows import FORM, TASK

SETS = {"forget": "forget", "retain": "retain"}
FAMILIES = ("causal", "masked_diffusion")
COLUMNS = ("generation", "task", "form")
PROBE = True
FIELDS_CHECK = "lethe.evaluate.task_rows.check_fields"

check, prepare = task_rows.check_rows, answers.prepare


def record(model, prepared: answers.Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The answers of one model, with task and form of each item."""
    return {
        name: replace(
            items,
            task=[row[TASK] for row in prepared.rows[name]],
            form=[row[FORM] for row in prepared.rows[name]],
        )
        for name, items in answers.record(model, prepared, limits).items()
    }
