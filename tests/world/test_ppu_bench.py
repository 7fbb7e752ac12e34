"""PPU-Bench's published form, in made files: parts, pictures, and what is refused."""

import io
import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.common.pictures import read_picture
from lethe.world.provider import provider
from lethe.world.split import split
from lethe.world.tofu_format import write_world

SUBJECTS = ("Ada Roe", "Bo Lind", "Cy Dahl", "Di Falk")


def picture(shade: int, mode="RGB", kind="JPEG") -> bytes:
    buffer = io.BytesIO()
    pixels = np.full((20, 30, 3), shade, dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def rows() -> list[dict]:
    return [
        {
            "sample_id": f"{subject}-{fact}",
            "subject_id": f"s{subject}",
            "subject": name,
            "image_path": f"images/{name}.jpg",
            "question": f"<image>\nWhat is fact {fact} about {'this person' if fact else name}?",
            "generated_answer": f"Fact {fact} of {name}.",
            "image": {"bytes": picture(40 * subject), "path": f"{name}.jpg"},
        }
        for subject, name in enumerate(SUBJECTS)
        for fact in range(3)
    ]


@pytest.fixture
def ppu(tmp_path):
    folder = tmp_path / "ppu"
    folder.mkdir()
    save(folder, rows())
    splits = {
        "complete": {"forget5": ["s3"], "forget15": ["s2", "s3"]},
        "selective": [{"subject_id": f"s{n}", "id": f"{n}-1"} for n in range(4)],
        "persona": {"delete_ids": ["0-1", {"id": "1-2"}], "keep_ids": ["0-0", "1-0", "2-0"]},
    }
    for name, content in splits.items():
        (folder / f"{name}_split.json").write_text(json.dumps(content))
    return folder


def save(folder, some):
    pyarrow.parquet.write_table(
        pyarrow.Table.from_pylist(some), folder / "train_pair_qwen3.parquet"
    )


def parts(folder, setting, authors=4):
    made = provider("ppu_bench", path=folder, subset=[setting]).authors(authors)
    found = {"forget": [], "retain": []}
    for author in made:
        for item in author.items:
            columns = dict(item.columns)
            found[columns["part"]].append(columns["id"])
    return {name: sorted(ids) for name, ids in found.items()}


def test_the_three_settings(ppu):
    everything = sorted(row["sample_id"] for row in rows())
    complete = parts(ppu, "complete15")
    assert complete["forget"] == [f"{n}-{fact}" for n in (2, 3) for fact in range(3)]
    assert sorted(complete["forget"] + complete["retain"]) == everything
    selective = parts(ppu, "selective")
    assert selective["forget"] == [f"{n}-1" for n in range(4)]
    assert sorted(selective["forget"] + selective["retain"]) == everything
    assert parts(ppu, "persona", 3) == {"forget": ["0-1", "1-2"], "retain": ["0-0", "1-0", "2-0"]}


def test_subjects_to_forget_and_others_take_turns(ppu):
    names = [a.name for a in provider("ppu_bench", path=ppu, subset=["complete15"]).authors(4)]
    assert names == ["Cy Dahl", "Ada Roe", "Di Falk", "Bo Lind"]


def test_files_splits_and_pictures(ppu, tmp_path):
    source = provider("ppu_bench", path=ppu, subset=["complete5"])
    folder = tmp_path / "data"
    write_world(source, folder, 4, 0, 1)
    (folder / "pictures").mkdir()
    source.write_pictures(folder / "pictures", 4)
    full = read_rows(folder / "full.json")
    assert len(full) == 12
    assert not any("<image>" in row["question"] for row in full)
    assert {row["modality"] for row in full if row["question"].endswith("this person?")} == {
        "picture"
    }
    assert {row["modality"] for row in full if "fact 0" in row["question"]} == {"both"}
    for row in full:
        pixels = read_picture(row["image"], folder)
        assert pixels.shape == (20, 30, 3)
        assert abs(int(pixels.mean()) - 40 * SUBJECTS.index(row["subject"])) <= 2
    assert len(list((folder / "pictures").iterdir())) == 4
    cut = split("published").cut({"full": full, "holdout": []})
    assert {row["subject"] for row in cut["forget"]} == {"Di Falk"}
    assert len(cut["retain"]) == 9


def test_only_the_pictures_of_the_chosen_subjects_are_written(ppu, tmp_path):
    provider("ppu_bench", path=ppu, subset=["complete5"]).write_pictures(tmp_path, 2)
    assert len(list(tmp_path.glob("*.png"))) == 2


def test_ids_may_be_called_id(ppu):
    save(ppu, [{"id": row.pop("sample_id"), **row} for row in rows()])
    assert parts(ppu, "complete5")["forget"] == ["3-0", "3-1", "3-2"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"question": ""}, "row 2: 'question' is ''"),
        ({"question": "<image>"}, "row 2: 'question' is ''"),
        ({"generated_answer": None}, "row 2: 'generated_answer' is None"),
        ({"sample_id": "0-0"}, "row 2: the id 0-0 is given twice"),
        ({"image": {"bytes": None, "path": "a.jpg"}}, "row 2: no bytes in 'image'"),
        ({"image": {"bytes": b"junk", "path": "a.jpg"}}, "row 2: not a picture"),
        ({"image": {"bytes": picture(3, "CMYK"), "path": ""}}, "row 2: mode CMYK is not RGB"),
    ],
)
def test_rows_that_are_refused(ppu, change, says):
    made = rows()
    made[1] |= change
    save(ppu, made)
    with pytest.raises(LetheError, match=says) as error:
        parts(ppu, "complete5")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("column", ["subject", "question", "generated_answer"])
def test_columns_of_numbers_are_no_texts(ppu, column):
    save(ppu, [{**row, column: number} for number, row in enumerate(rows())])
    with pytest.raises(LetheError, match=f"row 1: '{column}' is 0, not a text"):
        parts(ppu, "complete5")


def test_folders_and_settings_that_are_refused(ppu, tmp_path):
    for subset in (None, [], ["complete20"], ["persona", "selective"], [3]):
        with pytest.raises(LetheError, match=r"world\.subset: .* needs one of complete5"):
            provider("ppu_bench", path=ppu, subset=subset).authors(1)
    with pytest.raises(LetheError, match="no such folder"):
        parts(tmp_path / "none", "persona")
    with pytest.raises(LetheError, match="5 subjects are needed, but it has 4"):
        parts(ppu, "complete5", 5)
    with pytest.raises(LetheError, match=r"complete_split\.json: not PPU-Bench's form"):
        parts(ppu, "complete10")
    (ppu / "persona_split.json").write_text('{"delete_ids": ["0-1"], "keep_ids": ["0-1"]}')
    with pytest.raises(LetheError, match="0-1 is to be kept and deleted"):
        parts(ppu, "persona")
    (ppu / "train_pair_qwen3.parquet").write_text("hello")
    with pytest.raises(LetheError, match="not a Parquet file"):
        parts(ppu, "selective")
    (ppu / "train_pair_qwen3.parquet").unlink()
    with pytest.raises(LetheError, match=r"no train_pair\*\.parquet"):
        parts(ppu, "selective")
