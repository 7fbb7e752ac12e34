"""How the page shows tables and figures, as the constant ``PAGE`` of their files declares.

It is a literal, so planning reads it without importing the file:

    PAGE = {"title": "Summary", "columns": {"model_utility": ("Utility ↑", ".3f")}}
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.registry import suggest

# Parts of the page, in its order. Tables may be in any, figures in "figures" and "cost".
SECTIONS = ("summary", "figures", "claims", "cost", "statistics", "tables")


@dataclass(frozen=True)
class Presentation:
    """How the page shows a table or a figure.

    ``title``: its heading; by default its name, in words. ``section``: the part of the page, and
    ``place``: where in that part, the smallest first. ``columns``, of tables: the columns to show,
    in their order, each with its heading and number format: one of Python's, or ``p`` for p-values;
    the ends of its interval are in the columns ``…_low`` and ``…_high``, if these exist. Without
    ``columns`` all are shown, rounded to three digits.
    """

    title: str = ""
    section: str = ""
    place: int = 50
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self):
        if self.section not in ("", *SECTIONS):
            raise LetheError(
                f"PAGE: unknown section {self.section!r}{suggest(self.section, SECTIONS)}"
            )


def presentation(declared: Mapping[str, Any], name: str, section: str) -> dict[str, Any]:
    """What a plug-in ``name`` declared, completed, as plain values; ``section``: its default."""
    known = [one.name for one in fields(Presentation)]
    for key in declared:
        if key not in known:
            raise LetheError(f"PAGE: unknown {key!r}{suggest(key, known)}")
    said = Presentation(**declared)
    return {
        "title": said.title or name.replace("_", " ").capitalize(),
        "section": said.section or section,
        "place": said.place,
        "columns": {key: list(how) for key, how in said.columns.items()},
    }
