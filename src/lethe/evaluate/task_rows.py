"""Rows of benchmarks that say their task and their form. Light to import."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lethe.common.errors import LetheError

TASK, FORM = "task", "form"
COMPLETION, QUESTION = "completion", "question"


def check_fields(settings: Mapping[str, Any], fields: Collection[str]) -> None:
    """LetheError unless rows have these ``fields``; suites have no settings for it."""
    for field in (TASK, FORM):
        if field not in fields:
            raise LetheError(
                f"metrics: rows of this world have no {field!r}, which LUME's metrics go by; leave "
                "them out, or set world.provider to lume"
            )


def check_rows(rows: Mapping[str, Sequence[Mapping]]) -> None:
    """LetheError names the first row, by set, without task or of another form."""
    for name, some in rows.items():
        for number, row in enumerate(some, start=1):
            if not row.get(TASK) or row.get(FORM) not in (COMPLETION, QUESTION):
                raise LetheError(
                    f"set '{name}', row {number}: no {TASK!r}, or {FORM!r} is neither {COMPLETION} "
                    f"nor {QUESTION}; use rows of the world lume"
                )
