"""An author's rows with pictures go where the rows of text go; controls are what they say."""

import shutil
from collections import Counter

import pytest
from world.pictures.conftest import AUTHORS, PROBES, make

from lethe import metrics
from lethe.analysis.evaluation_data import EvaluationData
from lethe.common.errors import LetheError
from lethe.common.files import read_rows, write_rows
from lethe.world.cut_split import split_in
from lethe.world.pictures.settings import Pictures
from lethe.world.pictures.split import Pictured, write
from lethe.world.split import split

VIEWS = ("pose", "scale", "context", "style", "composition")


def cut(world, settings=None, name="forget20", **own):
    made = Pictured(split(name, own or None), Pictures(**settings or {}), PROBES)
    return made, made.cut({key: world[key] for key in made.reads})


def people(rows):
    """The numbers in the names of the rows' pictures."""
    return {int(row["image"].split("_")[1]) for row in rows if row["image"]}


@pytest.fixture(scope="module")
def twenty(pictured):
    return cut(pictured[1])


def test_forget_and_retain_are_all_that_full_learns(pictured, twenty):
    _, parts = twenty
    both = [*parts["forget"], *parts["retain"]]
    order = [str(row) for row in pictured[1]["full_pictures"]]
    assert sorted(map(str, both)) == sorted(order)
    assert people(parts["forget"]) == {8, 9}
    assert people(parts["retain"]) == set(range(8))
    for part in ("forget", "forget_perturbed", "holdout"):
        assert Counter(row["modality"] for row in parts[part]) == {
            "text": 40,
            "picture": 10,
            "both": 8,
        }


def test_a_command_knows_a_split_with_pictures_by_its_files(pictured, twenty, tmp_path):
    made, parts = twenty
    shutil.copytree(pictured[0] / "pictures", tmp_path / "pictures")
    for part, name in made.files.items():
        write_rows(tmp_path / f"{name}.json", parts[part])
    known = split_in(tmp_path, "forget20")
    assert known.files == made.files
    assert (known.oracle, known.roles) == (made.oracle, made.roles)
    # Retain probes are those with pictures, not the world's.
    data = EvaluationData(tmp_path, known, None)
    assert data.path("retain_perturbed").name == "forget20_retain_perturbed.json"
    assert all(file.exists() for file in data.files(metrics.contract("pictures")).values())
    with pytest.raises(LetheError, match="rows with pictures, which come last; raise it to 58"):
        EvaluationData(tmp_path, known, 40).rows("forget_perturbed")
    assert len(EvaluationData(tmp_path, known, 3).rows("forget_by_picture")) == 3


def test_rows_of_text_stay_as_they_are_without_pictures(pictured, twenty):
    plain = split("forget20").cut(pictured[1])
    for part, rows in plain.items():
        text = [row for row in twenty[1][part] if row["modality"] == "text"]
        assert [{key: row[key] for key in plain[part][0]} for row in text] == rows


def test_the_same_rows_are_asked_as_are_forgotten(twenty):
    _, parts = twenty
    learned, asked = (
        [(row["question"], row["answer"], row["image"]) for row in parts[name]]
        for name in ("forget", "forget_perturbed")
    )
    assert learned == asked
    assert all(len(row["perturbed_answer"]) == 5 for row in parts["forget_perturbed"])
    assert people(parts["retain_perturbed"]) == {0, 1}


def test_each_modality_and_each_unseen_view_has_its_part(twenty):
    _made, parts = twenty
    assert [row["modality"] for row in parts["forget_by_text"]] == ["text"] * 40
    for name in ("picture", "both"):
        rows = parts[f"forget_by_{name}"]
        assert {(row["modality"], row["view"]) for row in rows} == {(name, "base")}
        assert people(rows) == {8, 9}
    shown = [row["question"] for row in parts["forget_by_picture"]]
    for view in VIEWS:
        rows = parts[f"forget_view_{view}"]
        assert {row["view"] for row in rows} == {view}
        assert [row["question"] for row in rows] == shown
        assert all(row["image"].endswith(f"_{view}.png") for row in rows)
    assert people(parts["retain_by_picture"]) == people(parts["retain_unseen"]) == {0, 1}
    assert len(parts["retain_unseen"]) == 5 * len(parts["retain_by_picture"])


def test_controls_have_no_picture_or_that_of_another(twenty):
    _, parts = twenty
    right = parts["forget_by_picture"]
    for row, bare, other in zip(
        right, parts["forget_no_picture"], parts["forget_other_picture"], strict=True
    ):
        assert bare == row | {"image": None, "image_digest": None, "view": None}
        assert other["image"] != row["image"]
        assert {**other, "image": 0, "image_digest": 0} == {**row, "image": 0, "image_digest": 0}


@pytest.mark.parametrize("authors", [3, 4, 10])
def test_nobody_is_shown_as_themselves_in_the_control(tmp_path, authors):
    world = make(tmp_path, authors=authors, holdout=authors, variations=[])
    own = {"kind": "partial", "choice": "complete", "authors": authors - 1}
    _, parts = cut(world, {"variations": []}, "most", **own)
    pairs = zip(parts["forget_by_picture"], parts["forget_other_picture"], strict=True)
    assert all(row["image"] != other["image"] for row, other in pairs)


@pytest.mark.parametrize("choice", ["selective", "personal"])
def test_partial_splits_part_an_author(tmp_path, choice):
    world = make(tmp_path, facts=20, variations=["pose"])
    own = {"kind": "partial", "choice": choice, "authors": 2, "facts": 5}
    _made, parts = cut(world, {"facts": 20, "variations": ["pose"]}, "some", **own)
    forgotten = {row["answer"] for row in parts["forget"]}
    for modality in ("text", "picture", "both"):
        rows = [row for row in parts["forget"] if row["modality"] == modality]
        assert {row["answer"] for row in rows} == forgotten
        assert len(rows) == 10
    assert not forgotten & {row["answer"] for row in parts["retain"]}
    # Who somebody is stays: other facts about them do.
    who = [row for row in parts["retain"] if row["question"] == "Who is this?"]
    assert people(who) == set(range(AUTHORS))
    assert "Who is this?" not in {row["question"] for row in parts["forget_perturbed"]}
    kept = [r for r in parts["kept_perturbed"] if r["question"] == "Who is this?"]
    assert people(kept) == {8, 9}
    both = [*parts["forget"], *parts["retain"]]
    assert sorted(map(str, both)) == sorted(map(str, world["full_pictures"]))
    subjects = {(row["question"], row["answer"]): row["subject"] for row in parts["subjects"]}
    for row in parts["forget"]:
        assert subjects[row["question"], row["answer"]] in ("author8", "author9")


def test_facts_that_are_not_asked_with_pictures_are_refused(tmp_path):
    world = make(tmp_path, facts=1)
    own = {"kind": "partial", "choice": "selective", "authors": 1, "facts": 1, "seed": 3}
    with pytest.raises(LetheError, match=r"none of its facts .* raise world\.pictures\.facts"):
        cut(world, {"facts": 1}, "some", **own)


@pytest.mark.parametrize(
    ("settings", "own"),
    [
        ({}, {"kind": "author_share", "percent": 20}),
        ({"trained": ["picture", "both"], "learned_variations": ["pose"]}, {}),
        ({"trained": ["text"], "variations": []}, {}),
        ({"facts": 20}, {"kind": "partial", "choice": "personal", "authors": 2, "facts": 5}),
        ({"facts": 20}, {"kind": "partial", "choice": "complete", "authors": 2}),
    ],
)
def test_planned_numbers_of_rows_are_never_too_small(tmp_path, settings, own):
    world = make(tmp_path, **settings)
    name = "some" if own.get("kind") == "partial" else "forget20"
    made, parts = cut(world, settings, name, **own)
    planned = made.rows(AUTHORS)
    assert planned.keys() == made.files.keys() - (
        {"subjects"} if "subjects" not in planned else set()
    )
    for part, count in planned.items():
        if part != "subjects":
            assert len(parts[part]) <= count, part
            if own.get("choice") != "personal":
                assert len(parts[part]) == count, part


def test_settings_choose_modalities_and_views(tmp_path):
    settings = {"trained": ["picture"], "learned_variations": ["pose"]}
    world = make(tmp_path, **settings)
    made, parts = cut(world, settings)
    for part in ("forget", "retain", "forget_perturbed", "retain_perturbed", "holdout"):
        assert {row["modality"] for row in parts[part]} == {"picture"}
        assert {row["view"] for row in parts[part]} == {"base", "pose"}
    assert "forget_view_pose" not in made.files
    assert "forget_view_style" in made.files
    assert len(parts["forget_by_text"]) == 40


def test_two_authors_with_the_same_row_are_refused(pictured):
    world = dict(pictured[1])
    world["full"] = [*world["full"][:-1], world["full"][0]]
    with pytest.raises(LetheError, match="full, row 200: another author has the same question"):
        cut(world)


def test_parts_are_written_as_they_are_cut(pictured, tmp_path, twenty):
    folder, _ = pictured
    made, parts = twenty
    world = {name: folder / f"{name}.json" for name in made.reads}
    write(made, world, lambda part: tmp_path / f"{made.files[part]}.json")
    assert len(set(made.files.values())) == len(made.files)
    for part, name in made.files.items():
        assert read_rows(tmp_path / f"{name}.json") == parts[part]
    assert made.files["forget"] == "forget20"
    assert made.files["retain"] == "retain80"
    assert made.files["forget_view_pose"] == "forget20_view_pose"
