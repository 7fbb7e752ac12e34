"""The two files of an audit, and how they follow from the answers that jobs measured."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lethe.analysis.audit.answers import read_answers
from lethe.analysis.audit.document import as_text, document
from lethe.analysis.audit.judged import judged
from lethe.report.page.audit_page import audit_html

JSON, PAGE = "audit.json", "audit.html"


def write_files(made: Mapping[str, Any], json: str | os.PathLike, page: str | os.PathLike) -> None:
    """Write an audit's document as JSON and as a page."""
    Path(json).write_text(as_text(made), encoding="utf-8")
    Path(page).write_text(audit_html(made), encoding="utf-8")


def judge_answers(
    own: str | os.PathLike,
    full: str | os.PathLike,
    oracle: str | os.PathLike,
    about: Mapping[str, Any],
    json: str | os.PathLike,
    page: str | os.PathLike,
) -> None:
    """Write the audit that follows from three files of answers; ``about``: what was audited."""
    audit = judged(*map(read_answers, (own, full, oracle)))
    write_files(document(audit, about), json, page)
