import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Equal sums on every machine, and no fight over its cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def nothing_remembered(tmp_path_factory):
    """Every probe runs: none is taken from an earlier run's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
