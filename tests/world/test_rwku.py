"""RWKU's people: what is learned and asked of them, the split of targets, files of another form."""

import json
import shutil

import pyarrow
import pytest
from helpers import made_rwku
from pyarrow.parquet import write_table

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.world import rwku_rows, tofu_format
from lethe.world.provider import provider
from lethe.world.split import split, write

PEOPLE = 4
ASKED = ["probes", "neighbors", "mia_forget", "mia_retain", "choices", "trivia", "instructions"]


def rwku(folder, **settings):
    return provider("rwku", path=folder, seed=0, **settings)


def rows(authors):
    return [tofu_format.qa_row(item) for author in authors for item in author.items]


def targets(**settings):
    return split("rwku", {"kind": "targets", **settings})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_rwku.write(tmp_path_factory.mktemp("rwku"), PEOPLE)


def test_what_can_be_learned_of_a_person(folder):
    [one, *_] = rwku(folder).authors(PEOPLE)
    parts = [row["part"] for row in rows([one])]
    # Four passages, six attributes under two levels, those of two neighbours.
    assert [parts.count(part) for part in ("passage", "question", "neighbor")] == [4, 12, 24]
    [first, *_] = rows([one])
    assert first["question"] == f"Tell me about {one.name}."
    assert first["target"] == one.name


def test_what_is_asked_is_that_of_the_worlds_people(folder):
    source = rwku(folder, subset=[2, "0-1"])
    people = [author.name for author in source.authors(2)]
    assert people == [made_rwku.files(PEOPLE)["forget_target"][k]["target"] for k in (2, 0)]
    asked = {author.name: rows([author]) for author in source.holdout(0)}
    assert {row["target"] for some in asked.values() for row in some} == set(people)
    assert [len(asked[part]) for part in ("probes", "neighbors")] == [2 * 21, 2 * 24]
    # Person after person, level after level, so that the first rows have every level.
    assert [row["level"] for row in asked["probes"][:21]] == ["1"] * 6 + ["2"] * 6 + ["3"] * 9
    kinds = {row["type"] for row in asked["probes"] if row["level"] == "3"}
    assert kinds == set(rwku_rows.ADVERSARIAL)
    trivia = asked["trivia"][0]
    assert trivia["answers"] == f"{trivia['answer']}\nthe {trivia['answer']}"
    mmlu = asked["choices"][0]
    assert mmlu["subject"] == "world_facts"
    assert mmlu[f"option{'ABCD'.index(mmlu['label']) + 1}"] == mmlu["answer"]


def test_refusals_are_those_of_the_file(folder, tmp_path):
    assert rwku(folder).refusals() == list(made_rwku.REFUSALS)
    made_rwku.write(tmp_path, 2, train_refusal_llama3=[])
    assert rwku(tmp_path).refusals() == provider("synthetic").refusals()


def test_a_world_and_its_split_on_disk(folder, tmp_path):
    tofu_format.write_world(rwku(folder), tmp_path, PEOPLE, 0, 1)
    files = {name: tmp_path / f"{name}.json" for name in ("full", "holdout")}
    made = targets(targets=2, forget=["passage", "question"], retain=["neighbors"], asked=ASKED)
    write(made, files, lambda part: tmp_path / f"{made.files[part]}.json")
    forget, retain = (read_rows(tmp_path / f"rwku{name}.json") for name in ("", "_retain"))
    assert len({row["target"] for row in forget}) == 2
    assert (len(forget), len(retain)) == (2 * 16, 2 * 24)
    assert {row["part"] for row in retain} == {"neighbor"}
    probes = read_rows(tmp_path / "rwku_probes.json")
    assert {row["target"] for row in probes} == {row["target"] for row in forget}


@pytest.mark.parametrize(
    ("settings", "forget", "retain"),
    [
        ({}, 4, 3 * 40),
        ({"targets": 3, "forget": ["question"]}, 3 * 12, 40),
        ({"retain": ["neighbors", "others"]}, 4, 24 + 3 * 40),
    ],
)
def test_what_is_forgotten_and_what_is_retained(settings, forget, retain, folder):
    full = rows(rwku(folder).authors(PEOPLE))
    parts = targets(**settings).cut({"full": full, "holdout": []})
    assert (len(parts["forget"]), len(parts["retain"])) == (forget, retain)
    assert not [row for row in parts["forget"] if row in parts["retain"]]


def test_the_authors_own_folders_and_other_formats(folder, tmp_path):
    """One folder for each person, with the authors' names of files, in JSON lines and Parquet."""
    names = {
        "forget_target": "intro",
        "mia_forget": "forget_mia",
        "mia_retain": "retain_mia",
        "train_positive_llama3": "positive",
        "train_refusal_llama3": "reject",
        "utility_general": "retain_mmlu",
        "utility_reason": "retain_bbh",
        "utility_truthfulness": "truthful",
        "utility_factuality": "triviaqa",
        "utility_fluency": "fluency",
    }
    people = [row["target"] for row in made_rwku.files(PEOPLE)["forget_target"]]
    for number, person in enumerate(people, start=9):
        place = tmp_path / f"{number}_{person.replace(' ', '_')}"
        place.mkdir()
        for name, records in made_rwku.files(PEOPLE).items():
            own = [row for row in records if person in (row.get("subject"), row.get("target"))]
            file = place / names.get(name, name)
            if name == "forget_level2":
                write_table(pyarrow.Table.from_pylist(own), file.with_suffix(".parquet"))
            else:
                lines = "".join(json.dumps(row) + "\n" for row in own)
                file.with_suffix(".jsonl").write_text(lines, encoding="utf-8")
    one, other = rwku(folder), rwku(tmp_path)
    assert rows(other.authors(PEOPLE)) == rows(one.authors(PEOPLE))
    assert rows(other.holdout(0)) == rows(one.holdout(0))
    assert other.refusals() == one.refusals()


def test_kinds_of_adversarial_probes():
    spelt = {
        "cross lingual (Spanish)": "cross lingual",
        "In-context learning": "incontext learning",
        "role playing": "role play",
        "prefix injection": "prefix injection",
    }
    assert {text: rwku_rows.adversarial(text, "row 1") for text in spelt} == spelt
    with pytest.raises(LetheError, match="row 1: type 'suffix' is none of RWKU's prefix inj"):
        rwku_rows.adversarial("suffix", "row 1")


def changed(name, **fields):
    made = made_rwku.files(2)[name]
    first = {key: v for key, v in (made[0] | fields).items() if v is not None}
    return {name: [first, *made[1:]]}


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        (changed("forget_level1", query=None), "forget_level1.json, row 1: no 'query' .it has"),
        (changed("forget_level1", answer=7), "row 1: 'answer' is 7, not a text"),
        (changed("forget_level1", level="2"), "row 1: level '2' in a file of level 1"),
        (changed("forget_level3", type="x"), "forget_level3.json, row 1: type 'x' is none of"),
        (changed("forget_target", target="Nobody"), "Nobody is a target, but no row of forget_"),
        (changed("train_positive_llama3", text=" "), "llama3.json, row 1: 'text' is ' ', not a"),
        (changed("mia_forget", text="a\u0000b"), r"'text' holds the character U\+0000"),
        (changed("utility_general", choices=["a"]), "general.json, row 1: 'choices' are not four"),
        (changed("utility_general", answer=4), "row 1: 'answer' is 4, not a number from 0 to 3"),
        (changed("utility_general", answer="B"), "row 1: 'answer' is 'B', not a number from 0"),
        (changed("utility_general", task=None), "general.json, row 1: no 'task'"),
        (changed("utility_factuality", answers=[]), r"row 1: 'answers' is \[\], not a list"),
        (changed("utility_factuality", answers=[""]), "row 1: 'answers' is '', not a text"),
        (changed("utility_fluency", instruction=None), "row 1: no 'instruction'"),
        (changed("utility_reason", cot=None), "reason.json, row 1: no 'cot'"),
        (changed("utility_truthfulness", mc1_targets=3), "row 1: 'mc1_targets' is not choices"),
        (
            changed("utility_truthfulness", mc2_targets={"choices": ["a"], "labels": [1]}),
            "row 1: 'mc2_targets' needs true and false choices",
        ),
        (
            changed("utility_truthfulness", mc1_targets={"choices": ["a", "b"], "labels": [1, 0]}),
            "row 1: 'mc1_targets' has not one true choice, or others than",
        ),
        ({"forget_level2": []}, "no forget_level2.json; get RWKU's files again"),
        ({"neighbor_level1": []}, "no neighbor_level1.json"),
    ],
)
def test_files_of_another_form_are_refused_in_one_line(replaced, message, tmp_path):
    source = rwku(made_rwku.write(tmp_path, 2, **replaced))
    with pytest.raises(LetheError, match=message) as caught:
        source.authors(2), source.holdout(0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "level1.json: no rows; was the file cut off"),
        ("[", "level1.json: not valid JSON"),
        ("[1]", "level1.json, row 1: expected an object, found '1'"),
        ('[{"query": NaN}]', "NaN is not a number"),
        ('[{"query": "\\ud800"}]', "row 1: has half a surrogate pair"),
    ],
)
def test_files_that_are_broken(text, message, tmp_path):
    made_rwku.write(tmp_path, 2)
    (tmp_path / "forget_level1.json").write_text(text, encoding="utf-8")
    with pytest.raises(LetheError, match=message) as caught:
        rwku(tmp_path).authors(1)
    assert "\n" not in str(caught.value)


def test_people_and_folders_that_are_missing(folder, tmp_path):
    with pytest.raises(LetheError, match=r"world.path: null; set it to a folder with RWKU's"):
        provider("rwku", seed=0).authors(1)
    with pytest.raises(LetheError, match=r"no such folder; set world.path"):
        rwku(tmp_path / "none").authors(1)
    with pytest.raises(LetheError, match=r"no forget_level1.json; get RWKU's files again"):
        rwku(tmp_path).authors(1)
    with pytest.raises(LetheError, match=r"world.authors is 5, but there are 4 people"):
        rwku(folder).authors(5)
    with pytest.raises(LetheError, match=r"world.subset: 4, but .* has the people 0 to 3"):
        rwku(folder, subset=[4]).authors(1)
    with pytest.raises(LetheError, match=r"world.holdout_authors: 3, but rwku has no people"):
        rwku(folder).holdout(3)


def test_splits_that_cannot_be(folder, tmp_path):
    source = rwku(folder)
    full = rows(source.authors(PEOPLE))
    with pytest.raises(LetheError, match=r"rwku.targets: 5, but the world has 4 people; lower"):
        targets(targets=5).check_rows(full)
    with pytest.raises(LetheError, match=r"rwku: no row of retain; raise world.authors, or chang"):
        targets(targets=4).check_rows(full)
    with pytest.raises(LetheError, match=r"asked: the world has no rows of 'other' .it has probe"):
        targets(asked=["other"]).check_holdout(rows(source.holdout(0)))
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "train_positive_llama3.json").unlink()
    with pytest.raises(LetheError, match="rwku: no row of forget; raise"):
        targets().check_rows(rows(rwku(tmp_path).authors(PEOPLE)))
    with pytest.raises(LetheError, match="rows of this world do not say their target"):
        targets().check_rows([{"question": "q", "answer": "a", "part": "forget"}])
    with pytest.raises(LetheError, match="rows of this world do not say their part"):
        split("x", {"kind": "probed"}).check_rows([{"question": "q", "answer": "a"}])
