from pathlib import Path

import pytest
from helpers.shared_data import shared_folder

from lethe.world import tofu_format
from lethe.world.provider import provider


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the published data, which the repository does not contain."""
    return shared_folder()


@pytest.fixture(scope="session")
def synthetic():
    return provider("synthetic", seed=0)


@pytest.fixture(scope="session")
def many(synthetic):
    return synthetic.authors(1000)


@pytest.fixture(scope="session")
def targets(many):
    return many[:200]


@pytest.fixture
def folder(synthetic, tmp_path) -> Path:
    """A small world on disk: 10 authors, 2 of them in retain_perturbed, 2 holdout authors."""
    tofu_format.write_world(synthetic, tmp_path / "data", 10, 2, 2)
    return tmp_path / "data"
