"""A world with pictures as a data set with an Image feature, there and back."""

import os

import datasets
import numpy as np
import pytest
from PIL import Image
from world.pictures.conftest import make

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.common.pictures import read_picture
from lethe.world.pictures.hub import write_hub


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small") / "data"
    make(folder, authors=4, holdout=0, variations=["pose"], facts=1)
    return folder


def test_rows_and_pictures_come_back(small, tmp_path):
    names = write_hub(small, tmp_path / "hub", "small")
    assert {"full", "full_pictures", "pictures", "faces"} <= {*names}
    assert "holdout" not in names  # it has no rows
    for name in names:
        table = datasets.load_dataset(
            str(tmp_path / "hub"), name, split="train", cache_dir=str(tmp_path / "cache")
        )
        rows = read_rows(small / f"{name}.json")
        pictured = "image" in rows[0]
        assert isinstance(table.features.get("image"), datasets.Image) == pictured
        for made, row in zip(table, rows, strict=True):
            if pictured:
                path, picture = made.pop("image_path"), made.pop("image")
                assert path == row["image"]
                if path is None:
                    assert picture is None
                else:
                    assert isinstance(picture, Image.Image)
                    np.testing.assert_array_equal(np.asarray(picture), read_picture(path, small))
            # A column that some rows lack is null in the others.
            assert {key: made[key] for key in row if key != "image"} == {
                key: value for key, value in row.items() if key != "image"
            }


def test_the_folder_of_the_world_loads_with_paths(small, tmp_path):
    table = datasets.load_dataset(
        "json",
        data_files=str(small / "full_pictures.json"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert table["image"][20] == "pictures/author_000_base.png"


def test_nothing_is_left_of_a_failure(small, tmp_path):
    make(tmp_path / "data", authors=4, holdout=0, variations=[])
    (tmp_path / "data/pictures/author_002_base.png").write_text("broken")
    with pytest.raises(LetheError, match=r"author_002_base\.png: not a picture"):
        write_hub(tmp_path / "data", tmp_path / "hub")
    assert os.listdir(tmp_path) == ["data"]


def test_only_worlds_with_pictures_and_new_folders(folder, small, tmp_path):
    with pytest.raises(LetheError, match=r"no full_pictures\.json"):
        write_hub(folder, tmp_path / "hub")
    with pytest.raises(LetheError, match="exists already"):
        write_hub(small, folder)
