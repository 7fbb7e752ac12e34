"""Needs of methods, one file each, loaded by name: what a run gets besides the forget set.

A file ``name.py`` holds a class ``Need`` (``lethe.unlearn.need``) and needs no registration. Only
the needs that a method names are imported for it, so editing one affects those methods alone.
"""

from collections.abc import Iterable

from lethe.common.errors import LetheError
from lethe.common.registry import Registry
from lethe.unlearn.need import AlternateAnswers, Need

NEEDS = Registry(__name__, "need")
names = NEEDS.names


def load(name: str, place: str | None = None) -> Need:
    """The need ``name``; an unknown name is a LetheError."""
    return NEEDS.load(name, place).Need()


def chosen(needs: Iterable[str], place: str | None = None) -> list[Need]:
    """The needs with these names, in their order.

    ``place``: where they are named, for messages. LetheError for an unknown name, and for two needs
    that would both give the forget rows other answers.
    """
    loaded = [load(name, place) for name in needs]
    alternates = [need.name for need in loaded if isinstance(need, AlternateAnswers)]
    if len(alternates) > 1:
        raise LetheError(
            f"{place or 'needs'}: {' and '.join(alternates)} both give forget rows other answers; "
            "name one"
        )
    return loaded


def from_source(kind: type) -> list[Need]:
    """Every need whose source is of that kind."""
    return [need for need in map(load, names()) if isinstance(need.source, kind)]
