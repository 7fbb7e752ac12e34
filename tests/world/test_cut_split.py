"""Splits with settings of their own, known again by the files that were cut from them."""

import json

import pytest

from lethe.common.errors import LetheError
from lethe.world import tofu_format
from lethe.world.cut_split import split_in
from lethe.world.provider import provider
from lethe.world.split import split, write

PARTIAL = {"kind": "partial", "choice": "personal", "authors": 2, "facts": 5}
BEHAVIOUR = {"kind": "behaviour", "place": 2, "answer": "fiction", "share": 0.5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small world with two splits."""
    place = tmp_path_factory.mktemp("data")
    tofu_format.write_world(provider("synthetic", seed=3), place, 12, 4, 3)
    world = {name: place / f"{name}.json" for name in tofu_format.AUTHOR_FILES}
    for name, settings in {"mine": PARTIAL, "some": BEHAVIOUR}.items():
        made = split(name, settings)
        write(made, world, lambda part, made=made: place / f"{made.files[part]}.json")
    return place


@pytest.mark.parametrize(("name", "settings"), [("mine", PARTIAL), ("some", BEHAVIOUR)])
def test_a_split_is_known_by_its_files(folder, name, settings):
    known, made = split_in(folder, name), split(name, settings)
    assert known.files == made.files
    assert {known.data_of(role) for role in known.roles} == {
        made.data_of(role) for role in made.roles
    }
    assert known.data_of(known.oracle.role) == made.data_of(made.oracle.role)
    with pytest.raises(LetheError, match="known by its files alone"):
        known.rows(12)
    with pytest.raises(LetheError, match="known by its files alone"):
        known.cut({})


def test_names_that_stand_for_a_split_need_no_files(folder):
    assert split_in(folder, "forget25").files == split("forget25").files


@pytest.mark.parametrize("name", ["full", "retain", "other", "../mine", "min", "mine_", "", "*"])
def test_what_has_not_the_files_of_a_split_is_refused(folder, name):
    with pytest.raises(LetheError, match="is not a split"):
        split_in(folder, name)


def test_an_audit_reads_the_rows_of_a_split_with_settings(folder):
    from lethe.analysis.audit.data import read_data

    rows = read_data(folder, "mine").rows
    assert len(rows["forget"]) == 10
    first = json.loads((folder / "mine.json").read_text(encoding="utf-8").splitlines()[0])
    assert rows["forget"][0]["question"] == first["question"]
