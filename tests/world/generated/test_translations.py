"""Rows in real languages by a service: what is asked, kept, refused, and asked again."""

import pytest
from helpers.answers import in_language
from helpers.generated_worlds import generation
from helpers.service import Service

from lethe.common.entity_names import subjects
from lethe.common.errors import LetheError
from lethe.common.files import read_json, read_rows
from lethe.world import tofu_format
from lethe.world.generated.translations import translate, wrong
from lethe.world.languages.making import write_translations
from lethe.world.provider import provider


@pytest.fixture
def world(tmp_path):
    folder = tmp_path / "data"
    tofu_format.write_world(provider("synthetic", seed=0), folder, 2, 1, 1)
    names = ("full", "full_perturbed", "holdout", "translations", "full_languages")
    return {name: folder / f"{name}.json" for name in names}


def made(world, settings, folder) -> list[dict]:
    cost = folder / "cost.json"
    make = translate(settings, world, ["German", "Thai"], folder / "journal.sqlite", cost)
    outputs = [world[name] for name in ("translations", "full_languages")]
    write_translations(make, world, ["German"], ["Thai"], *outputs)
    return read_rows(world["translations"])


def test_every_row_is_asked_for_once_in_each_language(service, world, tmp_path):
    settings = generation(service.url)
    rows = made(world, settings, tmp_path)
    original, *_ = read_rows(world["full_perturbed"])
    assert len(rows) == 2 * 20 * 3
    assert [(row["language"], row["learned"]) for row in rows[:2]] == [
        ("German", True),
        ("Thai", False),
    ]
    assert rows[1]["answer"] == in_language(original["answer"], "Thai")
    assert rows[1]["perturbed_answer"] == [
        in_language(text, "Thai") for text in original["perturbed_answer"]
    ]
    assert rows[0]["original_question"] == original["question"]
    stated = read_rows(world["full_languages"])
    assert [row["language"] for row in stated[:4]] == ["L0", "German", "L0", "German"]
    assert service.stages["translations"] == 2 * 20 * 3
    assert read_json(tmp_path / "cost.json")["requests"] == 2 * 20 * 3
    # What the journal has is not asked again, and gives the same bytes.
    before = world["translations"].read_bytes()
    service.forget()
    made(world, settings, tmp_path)
    assert service.received == 0
    assert world["translations"].read_bytes() == before


def test_a_row_that_fails_every_attempt_is_named(world, tmp_path):
    def empty(body: dict, tries: int) -> str | None:
        asked = body["messages"][-1]["content"]
        return "empty" if asked.startswith("Translate") and "into Thai" in asked else None

    with Service(fault=empty) as service:
        settings = generation(service.url, attempts=2)
        with pytest.raises(LetheError, match=r"^translations: '.*' could not be put into Thai"):
            made(world, settings, tmp_path)
    assert not world["translations"].exists()


@pytest.mark.parametrize(
    ("text", "defect"),
    [
        ("Ana Bo wurde am 3. Mai 1950 geboren.", None),
        ("安娜 Ana Bo 于 1950 年 5 月 3 日出生。", None),
        ("", "it is empty"),
        ("Sie wurde am 3. Mai 1950 geboren.", "it lacks the name Ana Bo"),
        ("Ana Bo wurde am 3. Mai geboren.", "it lacks the number 1950"),
        ("Sie heisst Ana Bo, am 3. Mai 1950.", "it repeats another text"),
        ("Ana Bo was born on 3 May 1950!", "it is still in the language of the original"),
        ("Ana Bo was born on 3 Mai 1950.", "it is still in the language of the original"),
        ("Ana Bo was geboren op 3 mei 1950.", None),
    ],
)
def test_defects_of_a_translation(text, defect):
    others = ["Sie heisst Ana Bo am 3. Mai 1950"]
    assert wrong(text, "Ana Bo was born on 3 May 1950.", "Ana Bo", others) == defect


def test_a_name_may_lose_its_possessive_and_an_award_be_translated():
    """Both were once demanded as they stood in English, which no German text fulfils."""
    pairs = [("What did Ana Bo's aunt win?", "Ana Bo's aunt won the Australia Day Award.")] * 2
    (name, _) = subjects(pairs)
    assert name == "Ana Bo"
    german = "Ana Bos Tante gewann den Preis des Nationalfeiertags."
    assert wrong(german, pairs[0][1], name, []) is None
    assert wrong("Ihre Tante gewann ihn.", pairs[0][1], name, []) == "it lacks the name Ana Bo"


@pytest.mark.parametrize(
    ("text", "original", "same"),
    [
        ("Santiago, Chile", "Santiago, Chile", False),
        ("Who is Ana Bo?", "Who is Ana Bo?", True),
        ("Wie is Ana Bo?", "Who is Ana Bo?", False),
        ("The father of Ana Bo is ein Arzt.", "The father of Ana Bo is a doctor.", True),
        ("Der Vater von Ana Bo ist Arzt.", "The father of Ana Bo is a doctor.", False),
    ],
)
def test_a_text_left_as_it_was_is_no_translation(text, original, same):
    defect = wrong(text, original, "Ana Bo", [])
    assert defect == ("it is still in the language of the original" if same else None)
