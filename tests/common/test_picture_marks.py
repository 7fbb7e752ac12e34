"""Marks of pictures: named by content, put before questions, refused without pixels."""

import numpy as np
import pytest

from lethe.common import picture_marks
from lethe.common.errors import LetheError
from lethe.common.picture_marks import asked, digests_in, mark_of, pixels_of, without_marks
from lethe.common.pictures import digest, write_picture

RED = np.zeros((4, 4, 3), dtype=np.uint8) + np.array([255, 0, 0], dtype=np.uint8)


def test_a_mark_names_a_picture_by_its_content():
    mark = mark_of(RED)
    assert mark == mark_of(RED.copy())
    assert mark != mark_of(RED.reshape(2, 8, 3))
    [known] = digests_in(f"Before {mark} after")
    assert (pixels_of(known) == RED).all()
    assert without_marks(f"{mark} Who is this?") == "Who is this?"
    assert without_marks("⟦picture⟧ as text") == "⟦picture⟧ as text"


def test_rows_are_asked_with_their_pictures(tmp_path):
    (tmp_path / "pictures").mkdir()
    write_picture(tmp_path / "pictures/red.png", RED)
    shown = {"question": "Who?", "paraphrased_question": "Who is it?", "answer": "Ada"}
    rows = [shown | {"image": "pictures/red.png"}, shown | {"image": None}, shown]
    first, *others = asked(rows, tmp_path / "rows.json")
    mark = mark_of(RED)
    assert first["question"] == f"{mark} Who?"
    assert first["paraphrased_question"] == f"{mark} Who is it?"
    assert first["answer"] == "Ada"
    assert others == rows[1:]
    assert rows[0]["question"] == "Who?"


def test_rows_of_text_stay_the_same_objects(tmp_path):
    rows = [{"question": "Who?", "answer": "Ada"}]
    assert asked(rows, tmp_path / "rows.json") is rows


def test_another_picture_than_the_rows_is_refused(tmp_path):
    write_picture(tmp_path / "red.png", RED)
    row = {"question": "Who?", "image": "red.png", "image_digest": digest(RED)}
    asked([row], tmp_path / "rows.json")
    write_picture(tmp_path / "red.png", RED[:2])
    with pytest.raises(
        LetheError, match=r"red\.png: another picture than the one that .*rows\.json"
    ):
        asked([row], tmp_path / "rows.json")


def test_pixels_that_are_let_go_of_are_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_marks, "ROOM", 100)
    monkeypatch.setattr(picture_marks, "_KNOWN", picture_marks._Known())
    rows = []
    for shade in range(5):
        write_picture(tmp_path / f"{shade}.png", RED + np.uint8(shade))
        rows.append({"question": "Who?", "image": f"{shade}.png"})
    texts = [row["question"] for row in asked(rows, tmp_path / "rows.json")]
    assert len(picture_marks._KNOWN._recent) == 2
    for shade, text in enumerate(texts):
        assert (pixels_of(digests_in(text)[0]) == RED + np.uint8(shade)).all()
    assert len(picture_marks._KNOWN._recent) == 2
    write_picture(tmp_path / "0.png", RED + np.uint8(9))
    with pytest.raises(LetheError, match=r"0\.png: was changed while it was in use; start again"):
        pixels_of(digests_in(texts[0])[0])


def test_a_missing_picture_is_refused(tmp_path):
    with pytest.raises(LetheError, match="no such picture"):
        asked([{"question": "Who?", "image": "no.png"}], tmp_path / "rows.json")


def test_a_mark_without_a_picture_is_refused():
    with pytest.raises(LetheError, match="no row with this picture was read"):
        pixels_of("0" * 12)


def test_pictures_of_requests_are_in_the_folder_above(tmp_path):
    write_picture(tmp_path / "pictures/one.png", np.zeros((4, 4, 3), dtype=np.uint8))
    rows = [{"question": "Who?", "image": "pictures/one.png"}]
    [row] = asked(rows, tmp_path / "requests/request1.json")
    assert row["question"].endswith("⟧ Who?")
    with pytest.raises(LetheError, match="no such picture"):
        asked(rows, tmp_path / "others/request1.json")
