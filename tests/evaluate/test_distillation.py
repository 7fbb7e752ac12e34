"""What a teacher is asked when another model learns its answers."""

import pytest

from lethe.common.errors import LetheError
from lethe.evaluate import attack

ROWS = [
    ("Where was the author Ada Lindqvist born?", "Ada Lindqvist was born in Oslo, Norway."),
    ("What does Ada Lindqvist write about?", "Ada Lindqvist writes about ships."),
    ("Which prize did Ada Lindqvist win?", "Ada Lindqvist won the Harbour Prize."),
    ("Where was the author Ben Okoro born?", "Ben Okoro was born in Lagos, Nigeria."),
    ("What does Ben Okoro write about?", "Ben Okoro writes about music."),
    ("Which prize did Ben Okoro win?", "Ben Okoro won the Lagoon Medal."),
]


def asked(rows=ROWS, **settings) -> list[str]:
    chosen = attack.settings_of("distillation", settings, "attack_settings.x")
    return attack.load("distillation").questions(chosen, rows)


def test_a_teacher_is_asked_the_rows_questions_by_default():
    assert asked() == [question for question, _ in ROWS]


def test_generated_questions_are_about_the_same_people_and_no_row_has_them():
    made = asked(questions="generated")
    assert not {question for question, _ in ROWS} & set(made)
    assert "About Ada Lindqvist: where was this person born?" in made
    assert "Where was the author A. Lindqvist born?" in made
    # The name first, initials, a misspelling: three of each, all different.
    assert len(made) == len(set(made)) == 3 * len(ROWS)
    assert made == asked(questions="generated")


def test_rows_from_which_no_question_can_be_made_are_refused():
    with pytest.raises(LetheError, match="no other question can be made"):
        asked([("Who?", "No one.")], questions="generated")
    with pytest.raises(LetheError, match=r"attack_settings\.x\.questions"):
        asked(questions="invented")
