from collections.abc import Callable

import pytest
from filelock import FileLock
from helpers.workflow_folder import Folder, sources


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Folder], None]], Folder]:
    """Make a folder of sources once for all processes that pytest-xdist starts."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base

    def folder(name: str, fill: Callable[[Folder], None]) -> Folder:
        top, ready, failed = (shared / f"{name}{end}" for end in ("", ".ready", ".failed"))
        with FileLock(shared / f"{name}.lock"):
            if failed.exists():
                pytest.skip(f"{name} failed in another process, so that the run fails")
            if not ready.exists():
                failed.touch()
                fill(sources(top))
                failed.rename(ready)
        return Folder(top)

    return folder


@pytest.fixture(scope="session")
def home(made_once) -> Folder:
    """A folder in which the smoke preset has run. For reading and dry runs only: copy to edit."""
    return made_once("home", lambda folder: folder.run())


@pytest.fixture(scope="session")
def clone(home, made_once) -> Folder:
    """A fresh clone to which ``home``'s results were brought. Copy it to edit, as ``home``."""

    def bring(folder: Folder) -> None:
        brought = folder.lethe("bring", str(home.path))
        assert brought.code == 0, brought.end

    return made_once("clone", bring)


@pytest.fixture
def worked(home, tmp_path) -> Folder:
    """A copy of ``home`` for one test."""
    return home.copy(tmp_path / "folder")


@pytest.fixture(scope="session")
def data(made_once) -> Folder:
    """A folder in which only the smoke preset's world is made. To be copied."""
    names = ("background", "world_facts", "full")
    needed = [f"results/smoke/data/{name}.json" for name in names]
    return made_once("data", lambda folder: folder.run(*needed))
