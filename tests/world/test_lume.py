"""LUME's documents: their order, what is kept apart, the split, and files of another form."""

import pytest
from helpers import made_lume
from helpers.shared_data import shared_folder

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.world import card, tofu_format
from lethe.world.provider import provider
from lethe.world.split import split, write

NONMEMBERS = {"kind": "published", "nonmembers": True}


def lume(folder, **settings):
    return provider("lume", path=folder, seed=0, **settings)


def rows(authors):
    return [tofu_format.qa_row(item) for author in authors for item in author.items]


def test_documents_take_turns_by_part_and_task(tmp_path):
    made = lume(made_lume.write(tmp_path), holdout_authors=2)
    first = [author.name for author in made.authors(8)]
    turns = [f"{part}-{task}-0" for part in ("forget", "retain") for task in made_lume.TASKS]
    assert first == [*turns, "forget-Task1-1", "forget-Task2-1"]
    # The last documents of retain's tasks in turn, which are no targets.
    assert [author.name for author in made.holdout(2)] == ["retain-Task1-2", "retain-Task2-2"]
    assert len(made.authors(16)) == 16
    assert not {a.name for a in made.authors(16)} & {a.name for a in made.holdout(2)}
    assert [len(author.items) for author in made.authors(3)] == [2, 6, 2]


def test_rows_are_lumes_own_with_task_form_and_part(tmp_path):
    [row, question] = rows(lume(made_lume.write(tmp_path)).authors(1))
    assert row == {
        "question": "Anna of Task1 went to Oslo",
        "answer": "and stayed.",
        "id": "forget-Task1-0sc1",
        "task": "Task1",
        "form": "completion",
        "part": "forget",
    }
    assert (question["form"], question["answer"]) == ("question", "Oslo")


def test_a_world_and_its_split_on_disk(tmp_path):
    """Every row of forget and of what is left of retain, and those kept apart; nothing else."""
    source, world = made_lume.write(tmp_path), tmp_path / "world"
    made_lume.write_rows(source / "mmlu.jsonl", made_lume.choices())
    about = tofu_format.write_world(lume(source, holdout_authors=3), world, 15, 3, 8)
    assert "questions_per_author" not in about
    assert (about["rows"]["full_perturbed"], about["rows"]["retain_perturbed"]) == (0, 0)
    made = split("published", {**NONMEMBERS, "choices": True})
    files = {name: world / f"{name}.json" for name in ("full", "holdout")}
    write(made, files, lambda part: world / f"{made.files[part]}.json")
    ids = {
        part: [row.get("id") for row in read_rows(world / f"{name}.json")]
        for part, name in made.files.items()
    }
    published = {
        part: {r["id"] for r in made_lume.rows_of(part, 3)} for part in ("forget", "retain")
    }
    assert set(ids["forget"]) == published["forget"]
    assert {*ids["retain"], *ids["holdout"]} == published["retain"]
    assert len(ids["holdout"]) == 2 + 6 + 2
    assert not set(ids["retain"]) & set(ids["holdout"])
    [first, *_] = read_rows(world / "published_choices.json")
    assert (first["question"], first["answer"], first["label"]) == ("What is 0 and one?", "1", "B")
    card.write_card(world, "made", card.Making(), tmp_path / "README.md")
    text = (tmp_path / "README.md").read_text("utf-8")
    assert "15 documents of the benchmark lume" in text
    assert "fictitious" not in text


def test_only_asked_parts_are_cut(tmp_path):
    source = lume(made_lume.write(tmp_path))
    made = split("published")
    assert set(made.cut({"full": rows(source.authors(18)), "holdout": []})) == {"forget", "retain"}
    assert made.roles == ("retain",)
    assert "forget_perturbed" not in made.files


def test_a_split_without_the_rows_that_it_asks_about_is_refused(tmp_path):
    full = rows(lume(made_lume.write(tmp_path)).authors(3))
    with pytest.raises(LetheError, match=r"published: no row of retain; raise world.authors"):
        split("published").cut({"full": full, "holdout": []})
    full = rows(lume(tmp_path).authors(6))
    with pytest.raises(LetheError, match="has no rows of holdout"):
        split("published", NONMEMBERS).cut({"full": full, "holdout": []})
    with pytest.raises(LetheError, match="choices: the world has no questions"):
        split("published", {"kind": "published", "choices": True}).check_holdout(full)


def changed(part="forget", number=0, **fields):
    made = made_lume.rows_of(part, 2)
    made[number] = {key: v for key, v in (made[number] | fields).items() if v is not None}
    return made


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        (changed(task=None), "forget.jsonl, row 1: has 'id', 'input', 'output', not LUME's id, "),
        (changed(more="x"), "forget.jsonl, row 1: has .*'more', not LUME's id"),
        (changed(task="Task4"), "row 1: task 'Task4', not one of Task1, Task2, Task3"),
        (changed(id="plain"), "row 1: the id 'plain' does not end in sc or qa and a digit"),
        (changed(id=7), "row 1: 'id' is 7, not a text"),
        (
            changed(number=1, id="forget-Task1-0sc1"),
            "row 2: the id forget-Task1-0sc1 is given tw",
        ),
        (changed(output=" "), "row 1: 'output' is ' ', not a text"),
        (changed(input=3), "row 1: 'input' is 3, not a text"),
        (
            changed(number=1, id="x-1qa0"),
            "document forget-Task1-0 has not one completion and",
        ),
        (
            changed(number=1, task="Task2"),
            "document forget-Task1-0 has not one completion and",
        ),
        (
            made_lume.rows_of("retain", 2),
            "document retain-Task1-0 is in forget.jsonl and in",
        ),
        ([], "forget.jsonl: no rows; was the file cut off"),
    ],
)
def test_files_of_another_form_are_refused_in_one_line(replaced, message, tmp_path):
    source = lume(made_lume.write(tmp_path, 2, forget=replaced))
    with pytest.raises(LetheError, match=message) as caught:
        source.authors(2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"choices": ["a", "b"]}, "row 1: 'choices' are not four texts"),
        ({"choices": ["a", "b", "c", 4]}, "row 1: 'choices' is 4, not a text"),
        ({"answer": 4}, "row 1: 'answer' is 4, not a number from 0 to 3"),
        ({"answer": "B"}, "row 1: 'answer' is 'B', not a number from 0 to 3"),
        ({"subject": ""}, "row 1: 'subject' is '', not a text; use MMLU's own rows"),
    ],
)
def test_questions_that_are_not_mmlus_are_refused(fields, message, tmp_path):
    made_lume.write_rows(tmp_path / "mmlu.jsonl", [made_lume.choices(1)[0] | fields])
    with pytest.raises(LetheError, match=message):
        lume(made_lume.write(tmp_path)).holdout(0)


def test_files_and_documents_that_are_missing(tmp_path):
    with pytest.raises(LetheError, match=r"world.path: null; set it to a folder with LUME's"):
        provider("lume", seed=0).authors(1)
    with pytest.raises(LetheError, match="no such folder"):
        lume(tmp_path / "none").authors(1)
    made_lume.write(tmp_path)
    with pytest.raises(LetheError, match="19 target documents are needed, but it has 18"):
        lume(tmp_path).authors(19)
    with pytest.raises(LetheError, match=r"world.holdout_authors: 9, but retain.jsonl has 9"):
        lume(tmp_path, holdout_authors=9).authors(1)
    (tmp_path / "retain.jsonl").unlink()
    with pytest.raises(LetheError, match=r"retain.jsonl: not there; get LUME's files again"):
        lume(tmp_path).authors(1)


def test_the_published_files():
    """Counts as published: forget 2732 and retain 2734 rows, 866 and 867 documents."""
    source = lume(shared_folder("data", "lume"), holdout_authors=87)
    full, away = rows(source.authors(1646)), rows(source.holdout(87))
    parts = split("published", NONMEMBERS).cut({"full": full, "holdout": away})
    assert len(parts["forget"]) == 2732
    assert len(parts["retain"]) + len(parts["holdout"]) == 2734
    tasks = [row["task"] for row in parts["forget"]]
    assert [tasks.count(task) for task in made_lume.TASKS] == [486, 1500, 746]
    tasks = [row["task"] for row in parts["retain"] + parts["holdout"]]
    assert [tasks.count(task) for task in made_lume.TASKS] == [492, 1500, 742]
    forms = [row["form"] for row in parts["holdout"]]
    assert forms.count("completion") == 87
