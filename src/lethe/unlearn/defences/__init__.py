"""Defences, one file each, found by name: a class ``Defence`` (``lethe.unlearn.defence``)."""

from collections.abc import Mapping
from typing import Any

from lethe.common.registry import Registry
from lethe.unlearn.defence import Defence

DEFENCES = Registry(__name__, "defence")
names = DEFENCES.names


def load(
    kind: str, given: Mapping[str, Any], shared: Mapping[str, Any], place: str = "defence"
) -> Defence:
    """The defence ``kind`` with its settings; LetheError for an unknown kind or a wrong setting."""
    return DEFENCES.load(kind, place).Defence(given, shared, place)
