"""Wrappers, one file each, found by name: they go around any method that minimises a loss.

A file ``name.py`` holds a class ``Wrapper``. Nothing registers it: ``load("name")`` imports that
file and no other, so an edit of one wrapper is an edit of the runs that have it, and of no others.
"""

import importlib
from pathlib import Path

from lethe.common.errors import LetheError

# Modules of this package that are no wrappers.
_SHARED = {"__init__", "base"}


def available() -> list[str]:
    """Names of all wrappers, sorted."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in _SHARED)


def load(name: str, place: str = "wrappers") -> type:
    """The class of the wrapper ``name``; an unknown name is a LetheError that lists all."""
    if name not in available():
        raise LetheError(f"{place}: unknown wrapper {name!r}; there are {', '.join(available())}")
    return importlib.import_module(f"lethe.unlearn.wrappers.{name}").Wrapper
