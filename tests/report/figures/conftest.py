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


@pytest.fixture(scope="session")
def many(tmp_path_factory):
    """Twelve methods, more than a figure shows together."""
    methods = [*made.METHODS, *(f"method{number}" for number in range(6))]
    left = made.LEFT | {m: (0.2, 0.5, 0.04 * n + 0.1, 0.8) for n, m in enumerate(methods[6:])}
    shifts = made.SHIFT | {m: 1.2 + 0.3 * n for n, m in enumerate(methods[6:])}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "LEFT", left)
        patch.setattr(made, "SHIFT", shifts)
        entries = made.write_world(tmp_path_factory.mktemp("many"), methods)
        return made.figure_data(entries, methods)
