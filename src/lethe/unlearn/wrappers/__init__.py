"""Wrappers, one file each, found by name: they modify any method that minimises a loss.

A file ``name.py`` holds a class ``Wrapper``. It needs no registration: ``load("name")`` imports
that file and no other, so editing one wrapper affects only the runs that use it.
"""

from lethe.common.registry import Registry

WRAPPERS = Registry(__name__, "wrapper")
names = WRAPPERS.names


def load(name: str, place: str | None = None) -> type:
    """The class of the wrapper ``name``; an unknown name is a LetheError."""
    return WRAPPERS.load(name, place).Wrapper
