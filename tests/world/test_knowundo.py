"""KnowUnDo's questions as a world: what methods are given, what is asked, and other files."""

import json

import pytest
from helpers import made_knowundo

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.world import tofu_format
from lethe.world.provider import provider
from lethe.world.split import split, write

PARTS = {
    "unlearn_train": "forget",
    "retention_train": "retain",
    "unlearn_val": "forget_questions",
    "retention_val": "retain_questions",
}
ROW = {"text": "Who?", "labels": "Ada"}


def knowundo(folder):
    return provider("knowundo", path=folder, seed=0)


def rows(authors):
    return [tofu_format.qa_row(item) for author in authors for item in author.items]


def pairs(some):
    return {(row["question"], row["answer"]) for row in some}


def published(name):
    return {(row["text"], row["labels"]) for row in made_knowundo.files()[name]}


def test_files_take_turns(tmp_path):
    made = rows(knowundo(made_knowundo.write(tmp_path)).authors(40))
    assert [row["part"] for row in made[:5]] == [*PARTS.values(), "forget"]
    for name, part in PARTS.items():
        assert pairs(row for row in made if row["part"] == part) == published(name)


def test_a_world_and_its_split(tmp_path):
    """What is asked was learned, methods are not given it, and the oracle learns what stays."""
    source, world = made_knowundo.write(tmp_path), tmp_path / "world"
    tofu_format.write_world(knowundo(source), world, 40, 0, 8)
    made = split("knowundo", {"kind": "unseen"})
    files = {"full": world / "full.json"}
    write(made, files, lambda part: world / f"{made.files[part]}.json")
    parts = {part: read_rows(world / f"{file}.json") for part, file in made.files.items()}
    for name, part in PARTS.items():
        assert pairs(parts[part]) == published(name)
    assert made.data_of("retain") == "knowundo_stays"
    assert pairs(parts["stays"]) == published("retention_train") | published("retention_val")
    assert {part: len(some) for part, some in parts.items()} == {
        "forget": 12,
        "retain": 12,
        "stays": 20,
        "forget_questions": 8,
        "retain_questions": 8,
    }
    # Bounds for plans.
    assert all(len(some) <= made.rows(40)[part] for part, some in parts.items())


def test_a_world_that_lacks_a_part_cannot_be_split(tmp_path):
    made, full = (
        split("knowundo", {"kind": "unseen"}),
        rows(knowundo(made_knowundo.write(tmp_path)).authors(3)),
    )
    with pytest.raises(LetheError, match=r"no row of retain_questions; raise world\.authors, or"):
        made.cut({"full": full})
    with pytest.raises(LetheError, match=r"no row of forget; .* whose rows say their part"):
        made.check_rows([{"question": "a", "answer": "b"}])


BROKEN = {
    "missing": (None, r"unlearn_val\.json: no such file; give its path, or get it again"),
    "empty": ("[]", r"unlearn_val\.json: no rows; was the file cut off\?"),
    "cut off": ('[{"text": "a"', r"unlearn_val\.json: not valid JSON"),
    "no object": ('["a"]', r"row 1: expected an object, found 'a'"),
    "other key": ('[{"text": "a", "label": "b"}]', r"row 1: has 'text', 'label', not text and la"),
    "no key": ("[{}]", r"row 1: has no key, not text and labels; get the file again"),
    "number": ('[{"text": "a", "labels": 1}]', r"row 1: 'labels' is 1, not a text"),
    "blank": ('[{"text": " ", "labels": "b"}]', r"row 1: 'text' is ' ', not a text"),
    "control": ('[{"text": "a\\u0001", "labels": "b"}]', r"'text' holds the character U\+0001"),
    "half a pair": ('[{"text": "\\ud800", "labels": "b"}]', r"row 1: has half a surrogate pair"),
    "repeat": (json.dumps([ROW, ROW]), r"row 2: the same as row 1; remove one of them"),
    "both": (
        json.dumps([made_knowundo.files()["unlearn_train"][0] | {"labels": "b"}]),
        r"unlearn_val\.json: has .*, as unlearn_train\.json has; remove it from one of them",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_other_files_are_refused_in_one_line(tmp_path, name):
    content, message = BROKEN[name]
    file = made_knowundo.write(tmp_path) / "unlearn_val.json"
    if content is None:
        file.unlink()
    else:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(LetheError, match=message) as caught:
        knowundo(tmp_path).authors(4)
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_and_line_ends_change_nothing(tmp_path):
    plain = rows(knowundo(made_knowundo.write(tmp_path)).authors(40))
    for file in tmp_path.glob("*.json"):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert rows(knowundo(tmp_path).authors(40)) == plain


def test_folders_and_numbers_that_do_not_fit(tmp_path):
    with pytest.raises(LetheError, match=r"world\.path: null; set it to a folder with KnowUnDo's"):
        knowundo(None).authors(1)
    with pytest.raises(LetheError, match=r"no such folder; set world\.path to KnowUnDo's privacy"):
        knowundo(tmp_path / "absent").authors(1)
    made = knowundo(made_knowundo.write(tmp_path))
    with pytest.raises(LetheError, match=r"world\.authors: 41, but .* has 40 questions; set it"):
        made.authors(41)
    with pytest.raises(LetheError, match=r"world\.holdout_authors: 1, but KnowUnDo has nothing"):
        made.holdout(1)
