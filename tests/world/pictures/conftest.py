import pytest

from lethe.common.files import read_rows
from lethe.world import tofu_format
from lethe.world.pictures.making import write_pictures
from lethe.world.pictures.settings import Pictures
from lethe.world.provider import provider

AUTHORS, HOLDOUT, PROBES = 10, 2, 2


def make(folder, source=None, authors=AUTHORS, holdout=HOLDOUT, **settings):
    """A small world with pictures in a folder, and its rows by file."""
    source = source or provider("synthetic", seed=0)
    tofu_format.write_world(source, folder, authors, holdout, PROBES)
    files = {name: folder / f"{name}.json" for name in ("faces", "pictures", "full_pictures")}
    write_pictures(
        source,
        Pictures(**settings),
        files | {"folder": folder / "pictures"},
        authors=authors,
        holdout=holdout,
    )
    return {file.stem: read_rows(file) for file in folder.glob("*.json") if file.stem != "card"}


@pytest.fixture(scope="session")
def pictured(tmp_path_factory):
    """A small world with all defaults: its folder and its rows by file."""
    folder = tmp_path_factory.mktemp("pictured")
    return folder, make(folder)
