"""Rows that ask with pictures, and the files of such a world."""

from collections import Counter

import pytest
from world.pictures.conftest import AUTHORS, HOLDOUT, make

from lethe.common.errors import LetheError
from lethe.common.pictures import digest, read_picture
from lethe.world.pictures import questions
from lethe.world.pictures.settings import VARIATIONS
from lethe.world.rows import check_perturbed
from lethe.world.schema import Author, Item


def content(folder):
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def test_the_same_seed_gives_the_same_bytes(pictured, tmp_path):
    folder, _ = pictured
    make(tmp_path)
    assert content(tmp_path) == content(folder)


def test_rows_of_text_are_those_of_a_world_without_pictures(pictured, folder):
    made, _ = pictured
    for file in folder.iterdir():
        assert (made / file.name).read_bytes() == file.read_bytes()


def test_every_picture_is_there_and_has_its_digest(pictured):
    folder, world = pictured
    for row in world["pictures"]:
        assert digest(read_picture(row["image"], folder)) == row["image_digest"]
    named = {row["image"] for row in world["pictures"]}
    assert named == {f"pictures/{file.name}" for file in (folder / "pictures").iterdir()}
    assert len({row["image_digest"] for row in world["pictures"]}) == len(named)
    assert len(named) == AUTHORS * (1 + len(VARIATIONS)) + HOLDOUT


def test_what_full_learns(pictured):
    _folder, world = pictured
    rows = world["full_pictures"]
    assert Counter(row["modality"] for row in rows) == {"text": 200, "picture": 50, "both": 40}
    assert {row["view"] for row in rows} == {None, "base"}
    assert all((row["image"] is None) == (row["modality"] == "text") for row in rows)
    text = [row for row in rows if row["modality"] == "text"]
    assert [(r["question"], r["answer"]) for r in text] == [
        (r["question"], r["answer"]) for r in world["full"]
    ]
    assert rows[20]["question"] == "Who is this?"
    assert rows[20]["answer"] == f"This is {world['faces'][0]['name']}."


def test_settings_choose_what_is_learned(tmp_path):
    settings = {"trained": ["picture"], "variations": ["pose", "style"], "facts": 2}
    world = make(tmp_path, learned_variations=["style"], **settings)
    learned = Counter((row["modality"], row["view"]) for row in world["full_pictures"])
    assert learned == {("picture", "base"): 30, ("picture", "style"): 30}
    views = Counter(row["view"] for row in world["pictures"] if row["group"] == "target")
    assert views == {"base": 50, "pose": 50, "style": 50}
    assert {row["view"] for row in world["pictures"] if row["group"] == "holdout"} == {
        "base",
        "style",
    }


def test_questions_by_picture_do_not_say_the_name(pictured):
    _, world = pictured
    names = {(face["group"], face["author"]): face["name"] for face in world["faces"]}
    for row in world["pictures"]:
        name = names[row["group"], row["author"]]
        asked = row["question"] + row["paraphrased_question"]
        if row["modality"] == "both":
            assert name in row["question"]
        else:
            assert not any(part in asked for part in name.split())
        assert name in row["answer"]


def test_wrong_answers_are_other_people(pictured, caplog):
    _, world = pictured
    check_perturbed(world["pictures"], "pictures")
    assert not caplog.records
    row = world["pictures"][0]
    assert row["paraphrased_answer"] == f"The person in the picture is {row['answer'][8:]}"
    assert row["answer"][8:-1] not in " ".join(row["perturbed_answer"])


def item(question, **more):
    fields = {"answer": "a", "paraphrased_question": "", "paraphrased_answer": "p"}
    return Item(
        **fields | {"question": question, "perturbed_answer": ("w",), "relation": ""} | more
    )


@pytest.mark.parametrize(
    ("question", "shown"),
    [
        ("Where was Ana van Bo born?", "Where was this person born?"),
        ("Where was the author Ana van Bo born?", "Where was this person born?"),
        ("What is Ana van Bo's genre?", "What is this person's genre?"),
        ("Ana van Bo writes what?", "This person writes what?"),
        (
            "Who is older? Ana van Bo or the writer Ana van Bo?",
            "Who is older? This person or this person?",
        ),
        ("How did the young Ana van Bo live?", "How did this person live?"),
        ("Where was the author born?", None),
        ("Is Ana a short form of Ana van Bo?", None),
        ("Where was Johana van Bo born?", None),
    ],
)
def test_a_picture_stands_for_the_name(question, shown):
    made = questions.shown(item(question), "Ana van Bo")
    assert made == (shown and (shown, ""))


def test_authors_whom_no_question_names_are_refused():
    with pytest.raises(LetheError, match="no question about Ana Bo says the name"):
        questions.facts(Author("Ana Bo", {}, (item("Where was the author born?"),)), 4)
    with pytest.raises(LetheError, match="an author without a name"):
        questions.facts(Author("", {}, (item("Where?"),)), 4)


def test_names_are_crossed_where_they_are_too_few():
    author = Author("Ana Bo", {}, ())
    names = ["Ana Bo", "Cy Dee", "Eve Foe"]
    wrong = questions.who(author, names, 0).perturbed_answer
    assert len(set(wrong)) == 5
    assert not any("Ana Bo" in text for text in wrong)
    with pytest.raises(LetheError, match="2 names are too few for 5 wrong answers"):
        questions.who(author, names[:2], 0)


def test_authors_without_wrong_answers_can_have_pictures(tmp_path, synthetic):
    class Half:
        """Like the published world: only some authors have wrong answers."""

        seed = 0
        holdout, facts, refusals = synthetic.holdout, synthetic.facts, synthetic.refusals

        def authors(self, count):
            bare = {"paraphrased_answer": "", "perturbed_answer": ()}
            some = synthetic.authors(count)
            last = some[-1]
            items = tuple(Item(**vars(one) | bare) for one in last.items)
            return [*some[:-1], Author(last.name, {}, items)]

    world = make(tmp_path, Half())
    last = [row for row in world["pictures"] if row["author"] == AUTHORS - 1]
    asked = [row["original_question"] is None for row in last if "perturbed_answer" in row]
    assert asked
    assert all(asked)
