"""Kinds of supervision that a model makes itself, one file each, looked up by name.

Where nobody has the rows that are to be forgotten, or may hand them over, the model is asked what
it knows about the *anchors*: whom or what it is to forget (MAGE, arXiv 2604.13777). A file
``name.py`` holds ``settings_class``, a ``base.ProbeSettings``, and a function

    supervise(asker, anchors, settings) -> base.Made

and needs no registration. ``gold`` stands for the rows of a split and is no file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.registry import Registry, suggest
from lethe.common.validation import validated

GOLD = "gold"
SUPERVISIONS = Registry(__name__, "supervision")
names = SUPERVISIONS.names


def check(kind: str, place: str) -> None:
    """LetheError, beginning with ``place``, for a kind that does not exist."""
    if kind != GOLD and kind not in names():
        raise LetheError(f"{place}: unknown {kind!r}{suggest(kind, [GOLD, *names()])}")


def settings_of(kind: str, given: Mapping[str, Any] | None = None, place: str | None = None) -> Any:
    """All settings of a kind; LetheError names a wrong one."""
    cls = SUPERVISIONS.load(kind, place).settings_class
    return validated(cls, dict(given or {}), place or f"supervision {kind}")


def check_anchors(anchors: Sequence[str]) -> None:
    """LetheError for an anchor without a letter or a digit, or one that is given twice."""
    for anchor in anchors:
        if not any(map(str.isalnum, anchor)):
            raise LetheError(f"anchor {anchor!r}: no name; write whom or what is to be forgotten")
        if anchors.count(anchor) > 1:
            raise LetheError(f"anchor {anchor!r}: given twice; give it once")
