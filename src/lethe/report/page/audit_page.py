"""The page of one audit, ``audit.html``: it has no scripts, and nothing else is loaded."""

from collections.abc import Mapping
from typing import Any

from lethe.report.page.audits import audit_part
from lethe.report.page.data import settings_words
from lethe.report.page.templates import environment

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def audit_html(document: Mapping[str, Any]) -> str:
    """The page as text."""
    about = [(key.replace("_", " "), _words(value)) for key, value in document["about"].items()]
    name = str(document["about"].get("checkpoint", "a checkpoint"))
    return (
        environment()
        .get_template("audit_page.jinja")
        .render(policy=POLICY, name=name, about=about, audit=audit_part(document, "audit", name))
    )


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else settings_words(value)
