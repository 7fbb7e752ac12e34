"""MLLMU-Bench's published form, in made files: profiles, pictures, and what is refused."""

import pytest
from helpers.made_pictures import mllmu_rows, save

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.common.pictures import read_picture
from lethe.world.provider import provider
from lethe.world.split import split
from lethe.world.tofu_format import write_world

GONE, STAY = [("1", "Ada Roe")], [("2", "Bo Lind"), ("3", "Ada Roe")]


@pytest.fixture
def mllmu(tmp_path):
    folder = tmp_path / "mllmu"
    save(folder / "forget_5", mllmu_rows(GONE))
    save(folder / "retain_95", mllmu_rows(STAY))
    return folder


def items(folder, authors=3):
    made = provider("mllmu_bench", path=folder, subset=["forget_5"]).authors(authors)
    return [item for author in made for item in author.items]


def test_each_profile_has_its_own_question_and_those_of_the_generation_task(mllmu):
    found = [dict(item.columns) for item in items(mllmu)]
    assert [(row["id"], row["task"], row["modality"]) for row in found[:3]] == [
        ("1-0", "biography", "both"),
        ("1-1", "generation", "picture"),
        ("1-2", "generation", "text"),
    ]
    assert found[2]["image"] is None
    # Two people of one name are two subjects.
    assert [row["part"] for row in found[::3]] == ["forget", "retain", "retain"]
    assert [row["subject"] for row in found[::3]] == ["Ada Roe", "Bo Lind", "Ada Roe"]


def test_files_pictures_and_split(mllmu, tmp_path):
    source = provider("mllmu_bench", path=mllmu, subset=["forget_5"])
    folder = tmp_path / "data"
    write_world(source, folder, 3, 0, 1)
    (folder / "pictures").mkdir()
    source.write_pictures(folder / "pictures", 3)
    full = read_rows(folder / "full.json")
    assert len(full) == 9
    assert sum(row["image"] is None for row in full) == 3
    for row in full:
        if row["image"]:
            shade = 30 * int(row["id"][0])
            assert abs(int(read_picture(row["image"], folder).mean()) - shade) <= 2
    cut = split("published").cut({"full": full, "holdout": []})
    assert {row["id"] for row in cut["forget"]} == {"1-0", "1-1", "1-2"}
    assert len(cut["retain"]) == 6


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ID": "2"}, "the id 2-0 is given twice"),
        ({"ID": ""}, "row 1: 'ID' is '', not a text"),
        ({"biography": "Ada"}, "row 1: 'biography' is not JSON with a 'Name'"),
        ({"biography": "[1]"}, "row 1: 'biography' is not JSON with a 'Name'"),
        ({"question": None}, "row 1: 'question' is None, not a text"),
        ({"Generation_Task": None}, "row 1: 'Generation_Task' is not a list of tasks"),
        ({"image": {"bytes": b"junk", "path": "1.png"}}, "row 1: not a picture"),
        ({"image": None}, "row 1: no bytes in 'image'"),
        (
            {"Generation_Task": [{"Type": "Film", "Question": "Who?", "Ground_Truth": "Ada"}]},
            "row 1: 'Type' is 'Film', not Image_Textual or Pure_Text",
        ),
    ],
)
def test_rows_that_are_refused(mllmu, change, says):
    [made] = mllmu_rows(GONE)
    save(mllmu / "forget_5", [made | change])
    with pytest.raises(LetheError, match=says) as error:
        items(mllmu)
    assert "\n" not in str(error.value)


def test_folders_and_settings_that_are_refused(mllmu):
    with pytest.raises(LetheError, match=r"MLLMU-Bench needs one of forget_5, forget_10"):
        provider("mllmu_bench", path=mllmu, subset=["forget5"]).authors(1)
    with pytest.raises(LetheError, match=r"no forget_10/\*\.parquet; get MLLMU-Bench's files"):
        provider("mllmu_bench", path=mllmu, subset=["forget_10"]).authors(1)
    (mllmu / "forget_5/train-00000-of-00001.parquet").write_text("hello")
    with pytest.raises(LetheError, match="not a Parquet file"):
        items(mllmu)
