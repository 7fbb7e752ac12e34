"""The page of one audit, ``audit.html``: it has no scripts, and nothing else is loaded."""

import os
from collections.abc import Mapping
from typing import Any

from lethe.common.files import write_text
from lethe.report.page.audits import audit_part
from lethe.report.page.templates import environment

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def write_audit_page(path: str | os.PathLike, document: Mapping[str, Any]) -> None:
    """Write the page of an audit's document (``lethe.analysis.audit.document``), atomically."""
    write_text(path, audit_html(document))


def audit_html(document: Mapping[str, Any]) -> str:
    """The page as text."""
    about = [(key.replace("_", " "), str(value)) for key, value in document["about"].items()]
    name = str(document["about"].get("checkpoint", "a checkpoint"))
    return (
        environment()
        .get_template("audit_page.jinja")
        .render(policy=POLICY, name=name, about=about, audit=audit_part(document, "audit", name))
    )
