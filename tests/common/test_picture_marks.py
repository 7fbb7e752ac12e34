"""Marks of pictures: named by content, put before questions, refused without pixels."""

import numpy as np
import pytest

from lethe.common.errors import LetheError
from lethe.common.picture_marks import asked, digests_in, mark_of, pixels_of, without_marks
from lethe.common.pictures import write_picture

RED = np.zeros((4, 4, 3), dtype=np.uint8) + np.array([255, 0, 0], dtype=np.uint8)


def test_a_mark_names_a_picture_by_its_content():
    mark = mark_of(RED)
    assert mark == mark_of(RED.copy())
    assert mark != mark_of(RED.reshape(2, 8, 3))
    [digest] = digests_in(f"Before {mark} after")
    assert (pixels_of(digest) == RED).all()
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


def test_a_missing_picture_is_refused(tmp_path):
    with pytest.raises(LetheError, match="no such picture"):
        asked([{"question": "Who?", "image": "no.png"}], tmp_path / "rows.json")


def test_a_mark_without_a_picture_is_refused():
    with pytest.raises(LetheError, match="no row with this picture was read"):
        pixels_of("0" * 12)
