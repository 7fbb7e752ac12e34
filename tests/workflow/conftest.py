import pytest
from workflow_folder import Folder, sources


@pytest.fixture(scope="session")
def home(tmp_path_factory) -> Folder:
    """A folder in which the smoke preset has run. For reading and dry runs only: copy to edit."""
    folder = sources(tmp_path_factory.mktemp("home"))
    folder.run()
    return folder


@pytest.fixture(scope="session")
def clone(home, tmp_path_factory) -> Folder:
    """A fresh clone to which ``home``'s results were brought. Copy it to edit, as ``home``."""
    folder = sources(tmp_path_factory.mktemp("clone"))
    brought = folder.lethe("bring", str(home.path))
    assert brought.code == 0, brought.end
    return folder


@pytest.fixture
def worked(home, tmp_path) -> Folder:
    """A copy of ``home`` for one test."""
    return home.copy(tmp_path / "folder")
