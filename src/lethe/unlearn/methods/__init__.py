"""Unlearning methods, one file each, found by name.

A file ``name.py`` holds a class ``Method``. It needs no registration: ``load("name")`` imports that
file and no other, so editing one method does not affect the others.
"""

from lethe.common.registry import Registry
from lethe.model.families import CAUSAL

METHODS = Registry(__name__, "method")
names = METHODS.names


def load(name: str) -> type:
    """The class of the method ``name``; an unknown name is a LetheError."""
    return METHODS.load(name).Method


def for_causal() -> list[str]:
    """The names of the methods that work with causal models."""
    return [name for name in names() if CAUSAL in load(name).families]
