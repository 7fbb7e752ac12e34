"""Faces are functions of seed and name, and differ between people; views differ from each other."""

import numpy as np
import pytest

from lethe.common.errors import LetheError
from lethe.world.pictures import faces as module
from lethe.world.pictures.drawing import VIEWS, drawn
from lethe.world.pictures.faces import TUPLES, VALUES, face, faces
from lethe.world.pictures.settings import BASE, VARIATIONS, Pictures

NAMES = [f"Person {number}" for number in range(300)]


def test_numbers_and_attributes_are_one_to_one():
    assert len({face(number) for number in range(TUPLES)}) == TUPLES
    assert face(0).described() == {key: values[0] for key, values in VALUES.items()}
    assert face(TUPLES - 1).described() == {key: values[-1] for key, values in VALUES.items()}


def test_everyone_has_a_face_of_their_own_that_later_people_do_not_change():
    some = faces(0, NAMES)
    assert len(set(some)) == len(NAMES)
    assert faces(0, NAMES[:7]) == some[:7]
    assert faces(1, NAMES) != some


def test_a_face_that_is_taken_is_given_to_nobody_else(monkeypatch):
    monkeypatch.setattr(module, "TUPLES", 12)
    assert len(set(faces(0, NAMES[:12]))) == 12
    with pytest.raises(LetheError, match="13 people, but only 12 different faces"):
        faces(0, NAMES[:13])


def test_the_same_arguments_give_the_same_pixels_and_others_do_not():
    one, other = faces(0, NAMES[:2])
    for view in (BASE, *VARIATIONS):
        pixels = drawn(one, view, "0/a", 32)
        assert pixels.shape == (32, 32, 3)
        assert pixels.dtype == np.uint8
        np.testing.assert_array_equal(pixels, drawn(one, view, "0/a", 32))
        assert (pixels != drawn(other, view, "0/a", 32)).any()
    assert tuple(VIEWS) == VARIATIONS


@pytest.mark.parametrize("size", [16, 32, 64])
def test_all_attributes_can_be_seen_at_every_size(size):
    """Changing one attribute changes pixels by much more than rounding does."""
    plain = face(0).described()
    base = drawn(module.Face(**plain), BASE, "", size).astype(int)
    for key, values in VALUES.items():
        for value in values[1:]:
            changed = drawn(module.Face(**plain | {key: value}), BASE, "", size)
            assert np.abs(changed - base).max() > 25, (key, value)


def test_people_differ_more_than_their_views_leave_alone():
    pictures = [drawn(one, BASE, "", 32).astype(int) for one in faces(0, NAMES[:40])]
    gaps = [np.abs(a - b).mean() for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(gaps) > 1
    for view in VARIATIONS:
        varied = drawn(faces(0, NAMES[:1])[0], view, "", 32)
        assert np.abs(varied - pictures[0]).mean() > 5, view


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"size": 15}, "size"),
        ({"size": 513}, "size"),
        ({"size": 32.5}, "size"),
        ({"variations": ["poses"]}, "unknown variation 'poses'; did you mean pose"),
        ({"variations": ["pose", "pose"]}, "pose is listed twice"),
        ({"variations": [], "learned_variations": ["pose"]}, "pose is not among variations"),
        ({"facts": 0}, "facts"),
        ({"facts": 21}, "facts"),
        ({"trained": []}, "trained"),
        ({"trained": ["sound"]}, "trained"),
        ({"trained": ["text", "text"]}, "text is listed twice"),
        ({"colours": 3}, "colours"),
    ],
)
def test_bad_settings(given, says):
    with pytest.raises(ValueError, match=says):
        Pictures(**given)


def test_views_are_learned_or_unseen():
    some = Pictures(learned_variations=["style"])
    assert some.learned == (BASE, "style")
    assert some.unseen == ("pose", "scale", "context", "composition")
    assert (*some.learned, *some.unseen) != some.views
    assert {*some.learned, *some.unseen} == {*some.views}
