"""Wrappers, one file each, found by name: they go around any method that minimises a loss.

A file ``name.py`` holds a class ``Wrapper``. Nothing registers it: ``load("name")`` imports that
file and no other, so an edit of one wrapper is an edit of the runs that have it, and of no others.
"""

from lethe.common.registry import Registry

WRAPPERS = Registry(__name__, "wrapper")
names = WRAPPERS.names


def load(name: str, place: str | None = None) -> type:
    """The class of the wrapper ``name``; an unknown name is a LetheError that begins with place."""
    return WRAPPERS.load(name, place).Wrapper
