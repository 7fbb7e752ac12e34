"""Word lists of the synthetic world, as JSON beside this file."""

from functools import cache
from pathlib import Path
from typing import Any

from lethe.common.files import read_json


@cache
def load(name: str) -> Any:
    """The list ``name``. Every caller gets the same object: read it, never change it."""
    return read_json(Path(__file__).parent / f"{name}.json")
