import pytest
from helpers import synthetic_metrics as made


@pytest.fixture(scope="session")
def entries(tmp_path_factory):
    return made.write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def several_seeds(tmp_path_factory):
    entries = made.write_world(tmp_path_factory.mktemp("seeds"), ["npo", "my_method"], (0, 1, 2))
    return made.figure_data(entries, ["npo", "my_method"], (0, 1, 2))


@pytest.fixture(scope="session")
def data(entries):
    return made.figure_data(entries)
