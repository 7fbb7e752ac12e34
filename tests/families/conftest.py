import pytest
from helpers.model_fixtures import one_thread


@pytest.fixture(scope="module", autouse=True)
def nothing_remembered(tmp_path_factory):
    """Every probe runs: none is taken from an earlier run's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
