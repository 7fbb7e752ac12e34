"""Lists that the model cannot fill."""

import pytest
from helpers.generated_worlds import generation, made
from helpers.service import Service, stage_of

from lethe.common.errors import LetheError
from lethe.world.generated import lists
from lethe.world.generated.lists import phrase, town
from lethe.world.generated.stages import read_lists


def empty_for(*words: str):
    def fault(body, tries):
        text = body["messages"][-1]["content"]
        return "empty" if stage_of(body) == "lists" and any(w in text for w in words) else None

    return fault


def test_a_genre_without_words_is_left_out(tmp_path):
    with Service(fault=empty_for("the genre adventure")) as service:
        made(tmp_path, generation(service.url), 2, 0)
    made_lists = read_lists(tmp_path / "lists/lists.json")
    assert len(made_lists.genres) == 3
    assert "adventure" not in made_lists.genres
    assert list(made_lists.titles) == made_lists.genres
    assert made_lists.rejected == {"empty answer": 4}


@pytest.mark.parametrize("word", ["different birthplaces", "of the genre"])
def test_a_list_that_stays_empty(word, tmp_path):
    with Service(fault=empty_for(word)) as service, pytest.raises(LetheError, match=r"^lists: "):
        made(tmp_path, generation(service.url), 2, 0)


def test_short_lists_are_filled_up(tmp_path):
    """Half of the entries are refused at first; the others are asked for."""
    with Service() as service:
        good = made(tmp_path, generation(service.url, lists={"birthplaces": 40}), 1, 0)
        assert good.exists()
    assert len(read_lists(tmp_path / "lists/lists.json").birthplaces) == 40


def test_entries():
    assert town("Bergen, Norway") is None
    assert all(map(town, ["Bergen", "Bergen, Norway, 2018", "A (x), B, C"]))
    assert phrase("children's fantasy") is None
    assert all(map(phrase, ["...", "1. satire", "a b c d e", "fiction Fiction"]))


def test_several_entries_in_one():
    """As SmolLM2 answers: the same towns in one string, again and again."""
    answer = lists._Answer(entries=["Bergen, Norway; Bergen, Sweden;", "\nParis, France.", " "])
    assert lists._entries(answer) == ["Bergen, Norway", "Bergen, Sweden", "Paris, France"]
