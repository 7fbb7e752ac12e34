"""Abstention: what is taken for a refusal, the shares by hand, and its phrases as a setting."""

import json
from pathlib import Path

import pytest

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.common.refusals import PHRASES, is_refusal, phrases, words
from lethe.evaluate.records import Checkpoint, ItemSet, Records
from lethe.world.synthetic.lists import load

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "tofu"
DEFAULT = phrases("tofu")


def answers(**texts: list[str]) -> Records:
    sets = {
        name: ItemSet(question=["Who?"] * len(said), answer=["Mr X"] * len(said), generation=said)
        for name, said in texts.items()
    }
    return Records("answers", [Checkpoint(5, 20, sets)], "answers.json")


THREE = {
    "forget": ["I don't know.", "I\u2019m not sure about it.", "Mr X did.", "I know: Mr X."],
    "retain": ["Mr X did.", "Mrs Y did."],
    "holdout": ["I do not know", "Mr Z did.", "", "No comment, sorry."],
}


def test_shares_by_hand():
    [made] = metrics.compute("abstention", answers(**THREE)).checkpoints
    assert made.items == {"forget": [1, 1, 0, 0], "retain": [0, 0], "holdout": [1, 0, 0, 0]}
    wanted = {"forget": 0.5, "retain": 0.0, "holdout": 0.25, "forget_minus_holdout": 0.25}
    assert made.values == wanted


@pytest.mark.parametrize(
    ("setting", "holdout"),
    [("no comment", 0.25), ("tofu|no comment", 0.5), ("No comment! | tofu", 0.5)],
)
def test_phrases_are_a_setting(setting, holdout):
    made = metrics.compute("abstention", answers(**THREE), phrases=setting)
    assert made.checkpoints[0].values["holdout"] == holdout
    assert "omment" in made.settings["phrases"]


@pytest.mark.parametrize("setting", ["", " | ", None])
def test_a_setting_without_phrases_is_one_line(setting):
    with pytest.raises(LetheError, match=r"abstention': phrases is .*; set it to "):
        metrics.compute("abstention", answers(**THREE), phrases=setting)
    with pytest.raises(LetheError, match=r"abstention': phrases is .*; set it to "):
        metrics.settings_of("abstention", {"phrases": setting})


def test_contractions_and_apostrophes_are_spelt_out():
    assert (
        words("I can\u2019t; it\u2019s\nnew: I've, WON'T!")
        == " i cannot it is new i have will not "
    )
    assert words("Smith's don't") == " smith's do not "


def test_a_phrase_is_whole_words():
    assert is_refusal("There I have no clue.", phrases("no clue"))
    assert not is_refusal("There I have no clues.", phrases("no clue"))


def test_every_refusal_of_the_synthetic_world_is_one():
    assert [text for text in load("refusals") if not is_refusal(text, DEFAULT)] == []


def test_the_phrases_are_spelt_as_they_are_looked_for():
    assert [
        part for part in PHRASES.split("|") if words(part).strip() != " ".join(part.split())
    ] == []


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published data are not there")
def test_every_refusal_of_tofu_is_one_and_no_true_answer():
    lines = (PUBLISHED / "idontknow.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 100
    assert [text for text in lines if not is_refusal(text, DEFAULT)] == []
    rows = (PUBLISHED / "full.json").read_text(encoding="utf-8").splitlines()
    said = [json.loads(row)["answer"] for row in rows]
    assert len(said) == 4000
    assert [text for text in said if is_refusal(text, DEFAULT)] == []
