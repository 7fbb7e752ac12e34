"""Where the shared reference data lie: a folder ``shared`` beside the repository."""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[3] / "shared"


def shared_folder(*parts: str) -> Path:
    """A folder of the shared data. Absent: skip, but fail on CI, where nothing may go untested."""
    folder = SHARED.joinpath(*parts)
    if not folder.is_dir():
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"no shared reference data at {folder}")
    return folder
