"""CLEAR's published form, in made files: sets, texts, pictures, and what is refused."""

import pytest
from helpers.made_pictures import clear_rows, picture, save

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.common.picture_marks import asked
from lethe.common.pictures import read_picture
from lethe.world.provider import provider
from lethe.world.split import split
from lethe.world.tofu_format import write_world

GONE, STAY = ["Ada Roe"], ["Bo Lind", "Cy Dahl"]


@pytest.fixture
def clear(tmp_path):
    folder = tmp_path / "clear"
    for end in ("", "+tofu"):
        save(folder / f"forget10{end}", clear_rows(GONE, bool(end)))
        save(folder / f"retain90{end}", clear_rows(STAY, bool(end)))
    return folder


def columns(folder, subset, authors):
    made = provider("clear", path=folder, subset=[subset]).authors(authors)
    return [dict(item.columns) for author in made for item in author.items]


def test_captions_and_parts(clear):
    found = columns(clear, "forget10", 3)
    assert [(row["subject"], row["part"]) for row in found[::2]] == [
        ("Ada Roe", "forget"), ("Bo Lind", "retain"), ("Cy Dahl", "retain"),
    ]  # fmt: skip
    assert {row["modality"] for row in found} == {"picture"}
    assert len({row["image"] for row in found}) == 4
    assert len({row["id"] for row in found}) == 6


def test_tofus_questions_go_to_the_author_whom_they_name(clear):
    found = columns(clear, "forget10+tofu", 5)
    texts = [(row["subject"], row["part"]) for row in found if row["modality"] == "text"]
    assert sorted(texts) == [
        ("Ada Roe", "forget"), ("Bo Lind", "retain"), ("Cy Dahl", "retain"),
        ("nobody named in forget10+tofu", "forget"),
        ("nobody named in retain90+tofu", "retain"), ("nobody named in retain90+tofu", "retain"),
    ]  # fmt: skip
    assert len(found) == 6 + 6


def test_files_pictures_and_split(clear, tmp_path):
    source = provider("clear", path=clear, subset=["forget10+tofu"])
    folder = tmp_path / "data"
    write_world(source, folder, 5, 0, 1)
    (folder / "pictures").mkdir()
    source.write_pictures(folder / "pictures", 5)
    full = read_rows(folder / "full.json")
    shown = [row for row in full if row["image"]]
    assert len(full) == 12
    assert len(shown) == 6
    for row in shown:
        assert read_picture(row["image"], folder).shape == (20, 30, 3)
        assert row["answer"].startswith(row["subject"])
    marked = asked(full, folder / "full.json")
    assert sum(row["question"].startswith("⟦picture ") for row in marked) == 6
    cut = split("published").cut({"full": full, "holdout": []})
    assert len(cut["forget"]) == 4
    assert len(cut["retain"]) == 8


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"caption": None}, "row 2: 'caption' is not one text; name a set without perturbed"),
        ({"caption": " "}, "row 2: 'caption' is ' ', not a text"),
        ({"name": ""}, "row 2: 'name' is '', not a text"),
        ({"image": {"bytes": None, "path": "a.jpg"}}, "row 2: no bytes in 'image'"),
        ({"image": {"bytes": b"junk", "path": "a.jpg"}}, "row 2: not a picture"),
        (
            {"image": {"bytes": picture(3)[:200], "path": ""}},
            "row 2: cannot be decoded",
        ),
        ({"image": {"bytes": picture(3, "CMYK"), "path": ""}}, "row 2: mode CMYK is not RGB"),
        (
            # Large, so made only where it is asked for.
            lambda: {"image": {"bytes": picture(3, "1", "PNG", (8192, 4097)), "path": ""}},
            "row 2: more than 33554432 pixels",
        ),
    ],
)
def test_rows_that_are_refused(clear, change, says):
    made = clear_rows(GONE)
    made[1] |= change() if callable(change) else change
    save(clear / "forget10", made)
    with pytest.raises(LetheError, match=says) as error:
        columns(clear, "forget10", 3)
    assert "\n" not in str(error.value)


def test_texts_that_are_refused(clear):
    made = clear_rows(GONE, texts=True)
    made[-1] |= {"answer": None}
    save(clear / "forget10+tofu", made)
    with pytest.raises(LetheError, match=r"row 4: 'answer' is None, not a text"):
        columns(clear, "forget10+tofu", 3)


def test_folders_and_settings_that_are_refused(clear, tmp_path):
    for subset in (None, ["forget20"], ["forget10", "forget05"]):
        with pytest.raises(LetheError, match=r"world\.subset: .*; CLEAR needs one of forget01"):
            provider("clear", path=clear, subset=subset).authors(1)
    with pytest.raises(LetheError, match="no such folder"):
        columns(tmp_path / "none", "forget10", 1)
    with pytest.raises(LetheError, match=r"no forget01/\*\.parquet; get CLEAR's files again"):
        columns(clear, "forget01", 1)
    save(clear / "forget10", [{"image": None, "question": "?", "answer": "!"}])
    with pytest.raises(LetheError, match="no column 'caption'"):
        columns(clear, "forget10", 1)
