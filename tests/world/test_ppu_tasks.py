"""PPU-Bench's evaluation rows: which are asked, with which pictures, and what is refused."""

import json

import pyarrow.parquet
import pytest
from helpers import made_ppu
from helpers.made_pictures import picture as grey

from lethe.common.errors import LetheError
from lethe.common.pictures import digest, read_picture
from lethe.world.provider import provider
from lethe.world.split import split

FILE = "ppu_eval_made.parquet"
GONE, STAYS = "Beatriz Moreau", "Pavel Bozkurt"


@pytest.fixture
def ppu(tmp_path):
    """Two people, the first of whom is to be forgotten."""
    return made_ppu.write(tmp_path / "ppu", 2, 1)


def asked(folder, count=2, out=None, setting="complete30"):
    source = provider("ppu_bench", path=folder, subset=[setting])
    return source.asked(count, out, "shown")


def edited(folder, change, number=0):
    """Write the rows again, one of them changed."""
    rows = pyarrow.parquet.read_table(folder / FILE).to_pylist()
    rows[number] |= change
    made_ppu.save(folder / FILE, rows)
    return rows


def refused(folder, count=2) -> str:
    with pytest.raises(LetheError) as error:
        asked(folder, count)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_every_row_is_asked_in_its_part(ppu):
    parts = asked(ppu)
    assert {name: len(rows) for name, rows in parts.items()} == {
        "forget_tasks": 24,
        "retain_tasks": 24,
        "cross_image_2": 12,
        "cross_image_3": 12,
        "cross_image_4": 12,
    }
    assert {row["subject"] for row in parts["forget_tasks"]} == {GONE}
    assert {row["subject"] for row in parts["retain_tasks"]} == {STAYS}
    blank, letter = parts["forget_tasks"][1:3]
    assert (blank["question"], blank["answer"]) == (f"{GONE} was born in ___.", "Montreal, Canada")
    assert letter["answer"] == "A"
    assert letter["option1"] == "Montreal, Canada"
    assert len({letter[f"option{number}"] for number in range(1, 5)}) == 4


def test_a_beginning_has_every_task_and_modality(ppu):
    kinds = [(row["task"], row["modality"]) for row in asked(ppu)["retain_tasks"]]
    assert len(set(kinds[:6])) == 6
    assert kinds == kinds[:6] * 4


def test_pictures_are_those_of_the_rows_and_others_of_the_same_subject(ppu, tmp_path):
    (tmp_path / "shown").mkdir()
    parts = asked(ppu, out=tmp_path / "shown")
    for row in parts["forget_tasks"] + parts["retain_tasks"]:
        assert (row["image"] is None) == (row["modality"] == "qa")
    for name, view in (
        ("forget_tasks", "base"),
        ("cross_image_2", "pose"),
        ("cross_image_4", "context"),
    ):
        shown = [row for row in parts[name] if row["image"]]
        assert {row["modality"] for row in shown} == {"vqa"}
        pixels = read_picture(shown[0]["image"], tmp_path)
        assert (pixels == made_ppu.picture(0, view)).all()
        assert {row["image_digest"] for row in shown} == {digest(pixels)}
    # Two people, and three other pictures of one.
    assert len(list((tmp_path / "shown").iterdir())) == 5


def test_only_subjects_of_the_world_are_asked_about(ppu):
    edited(ppu, {"subject_id": "999"})
    assert len(asked(ppu)["forget_tasks"]) == 23
    assert "no row of retain_tasks about the world's subjects" in refused(ppu, 1)


def test_single_rows_go_by_their_ids(ppu):
    ids = {"delete_ids": ["0_genre_name"], "keep_ids": [{"id": "1_genre_name"}]}
    (ppu / "persona_split.json").write_text(json.dumps(ids))
    parts = asked(ppu, setting="persona")
    assert {row["id"] for row in parts["forget_tasks"]} == {"0_genre_name"}
    assert {row["id"] for row in parts["retain_tasks"]} == {"1_genre_name"}
    # Both are asked by text alone.
    assert list(parts) == ["forget_tasks", "retain_tasks"]


def test_modalities_and_pictures_as_on_the_hub(ppu):
    rows = pyarrow.parquet.read_table(ppu / FILE).to_pylist()
    before = asked(ppu)
    for row in rows:
        row["modality"] = {"qa": "text", "vqa": "text_image"}[row["modality"]]
        row["image"] = row["image"] and {"bytes": row["image"], "path": "a.png"}
    made_ppu.save(ppu / FILE, rows)
    assert asked(ppu) == before


@pytest.mark.parametrize(
    ("number", "change", "says"),
    [
        (0, {"task_type": "guess"}, "row 1: the task 'guess' is unknown"),
        (0, {"modality": "film"}, "row 1: modality 'film', not one of qa, vqa, text, text_image"),
        (0, {"answer_text": " "}, "row 1: 'answer_text' is ' ', not a text"),
        (1, {"question": None}, "row 2: 'question' is None, not a text"),
        (1, {"question": " <image> "}, "row 2: 'question' is '', not a text"),
        (2, {"answer_label": "E"}, "row 3: 'answer_label' is 'E', not A, B, C or D"),
        (2, {"option_c": ""}, "row 3: 'option_c' is '', not a text"),
        (6, {"sample_id": "0_birthplace_name"}, "generation qa 0_birthplace_name is given twice"),
        (3, {"image": b""}, "row 4: no bytes in 'image'"),
        (3, {"image": b"junk"}, "row 4: not a picture of a known format"),
        (3, {"image": grey(3, "CMYK")}, "row 4: mode CMYK is not RGB"),
    ],
)
def test_rows_in_another_form_are_refused(ppu, number, change, says):
    edited(ppu, change, number)
    assert says in refused(ppu)


def test_missing_columns_and_files_are_refused(ppu):
    rows = [
        {key: value for key, value in row.items() if key != "modality"} for row in edited(ppu, {})
    ]
    made_ppu.save(ppu / FILE, rows)
    assert "no column 'modality'" in refused(ppu)
    (ppu / FILE).unlink()
    assert "no ppu_eval*.parquet" in refused(ppu)


# --- the cross-image test ---


def other(folder, name="002.png"):
    return folder / "testset_images" / GONE / name


def test_without_other_pictures_nothing_is_missing(ppu):
    other(ppu, "003.png").unlink()
    assert list(asked(ppu)) == ["forget_tasks", "retain_tasks", "cross_image_2", "cross_image_4"]


def test_folders_may_be_called_otherwise(ppu):
    before = asked(ppu)
    other(ppu).parent.rename(ppu / "testset_images" / "beatriz_moréau")
    assert asked(ppu) == before


def test_a_subject_without_its_other_picture_is_named(tmp_path):
    folder = made_ppu.write(tmp_path, 3, 2)
    other(folder).unlink()
    assert f"no picture 002 of {GONE}, but of others; add {GONE}/002.jpg" in refused(folder, 3)


def test_two_pictures_and_two_folders_of_one_name_are_refused(ppu):
    other(ppu, "02.jpg").write_bytes(grey(3))
    assert "are both there; keep one" in refused(ppu)
    other(ppu).parent.rename(ppu / "testset_images" / "beatriz moreau")
    (ppu / "testset_images" / "Beatriz.Moreau").mkdir()
    assert "may be of one subject" in refused(ppu)


def test_other_pictures_are_checked_as_all_are(ppu, tmp_path, monkeypatch):
    away = tmp_path / "away.png"
    away.write_bytes(other(ppu).read_bytes())
    other(ppu).unlink()
    other(ppu).symlink_to(away)
    assert "is outside the folder" in refused(ppu)
    other(ppu).unlink()
    other(ppu).write_bytes(away.read_bytes()[:80])
    assert "cannot be decoded" in refused(ppu)
    other(ppu).write_bytes(grey(3, size=(40, 40)))
    monkeypatch.setattr("lethe.common.pictures.MOST_PIXELS", 1500)
    assert "more than 1500 pixels" in refused(ppu)


# --- the split ---


def test_evaluation_rows_are_no_part_that_is_cut():
    made = split("published", {"tasks": True, "cross_image": [3]})
    assert made.files == {
        "forget": "published",
        "retain": "published_retain",
        "forget_tasks": "published_tasks",
        "retain_tasks": "published_retain_tasks",
        "cross_image_3": "published_cross_image_3",
    }
    rows = [{"question": "q", "answer": "a", "part": part} for part in ("forget", "retain")]
    assert list(made.cut({"full": rows, "holdout": []})) == ["forget", "retain"]
    # What a split is cut by is the same with and without them.
    assert made.settings.model_dump() == split("published").settings.model_dump()


@pytest.mark.parametrize("given", [{"cross_image": [2]}, {"tasks": True, "cross_image": [1]}])
def test_test_sets_that_are_not_there_are_refused(given):
    with pytest.raises(LetheError, match="cross_image"):
        split("published", given)
