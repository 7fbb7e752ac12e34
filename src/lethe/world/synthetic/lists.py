"""Word lists of the synthetic world, stored as JSON beside this file."""

from functools import cache
from pathlib import Path
from typing import Any

from lethe.common.files import read_json


@cache
def load(name: str) -> Any:
    """The list ``name``. All callers share the returned object and must not change it."""
    return read_json(Path(__file__).parent / f"{name}.json")
