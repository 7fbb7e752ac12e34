"""The templates of pages."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lethe.common.characters import shown


def environment() -> Environment:
    """Templates that escape every text: its markup, and control characters."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        keep_trailing_newline=True,
    )


def _visible(value: Any) -> Any:
    """A text with its control characters escaped; markup, which is ours, as it is."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return shown(value, allowed="\n\t")
    return value
