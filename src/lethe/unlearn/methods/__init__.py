"""Unlearning methods, one file each, found by name.

A file ``name.py`` holds a class ``Method``. Nothing registers it: ``load("name")`` imports that
file and no other, so an edit of one method is no edit of another.
"""

import importlib
from pathlib import Path

from lethe.common.errors import LetheError

# Modules of this package that are not methods.
_SHARED = {"__init__", "base", "oneshot", "passes", "retain"}


def available() -> list[str]:
    """Names of all methods, sorted."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if p.stem not in _SHARED)


def load(name: str) -> type:
    """The class of the method ``name``; an unknown name is a LetheError that lists all."""
    if name not in available():
        raise LetheError(f"methods: unknown method {name!r}; there are {', '.join(available())}")
    return importlib.import_module(f"lethe.unlearn.methods.{name}").Method
