"""EDU-RELAT's facts from a converted file: what is read, cut and refused."""

import json

import pytest
from helpers import made_edu_relat

from lethe.common.errors import LetheError
from lethe.world import tofu_format
from lethe.world.provider import provider
from lethe.world.split import split


def edu_relat(folder):
    return provider("edu_relat", path=folder, seed=0)


def rows(folder):
    authors = edu_relat(folder).authors(2)
    return [tofu_format.qa_row(item) for author in authors for item in author.items]


def cut(folder, **settings):
    return split("first", {"kind": "edu_relat", **settings}).cut({"full": rows(folder)})


def test_targets_carry_their_number_and_their_sets(tmp_path):
    made = rows(made_edu_relat.write(tmp_path))
    assert [row["part"] for row in made] == ["relationships"] * 12 + ["biographies"] * 18
    assert made[6] == {
        "question": "Who is Ugo Birch to Otto Birch?",
        "answer": "father",
        "part": "relationships",
        "number": "1",
        "minimal_sets": "[[6, 7, 8, 9], [6, 7, 10, 11]]",
    }
    assert [n for n, row in enumerate(made) if row["number"] or row["minimal_sets"]] == [0, 6]


def test_the_target_alone_or_its_smallest_set_is_given(tmp_path):
    sets = {"0": [[0, 1, 2, 3], [5, 0, 4]], "6": [[6]]}
    folder = made_edu_relat.write(tmp_path, minimal_sets=sets)
    full = rows(folder)
    alone, minimal = cut(folder), cut(folder, give="minimal")
    assert alone["forget"] == minimal["target"] == [full[0]]
    assert minimal["forget"] == [full[0], full[4], full[5]]
    assert minimal["retain"] == [*full[1:4], *full[6:]]
    for parts in (alone, minimal):
        assert parts["relationships"] == full[:12]
        assert parts["biographies"] == full[12:]
    assert cut(folder, target=1, give="minimal")["forget"] == [full[6]]


def test_what_no_split_can_be_cut_from(tmp_path):
    folder = made_edu_relat.write(tmp_path)
    with pytest.raises(LetheError, match=r"first\.target: 2, but the world has the targets 0 to 1"):
        cut(folder, target=2)
    with pytest.raises(LetheError, match=r"set world\.provider to edu_relat, or list"):
        split("first", {"kind": "edu_relat"}).cut({"full": [{"question": "q", "answer": "a"}]})


def test_a_byte_order_mark_is_skipped(tmp_path):
    file = made_edu_relat.write(tmp_path) / "edu_relat.json"
    before = rows(tmp_path)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert rows(tmp_path) == before


ROW = {"question": "Who?", "answer": "child"}


def sets(*first):
    return {"minimal_sets": {"0": [*first], "6": [[6]]}}


@pytest.mark.parametrize(
    ("replaced", "words"),
    [
        ({"more": 1}, r"edu_relat.json: has 'relationships', .*'more', not relationships, biog"),
        ({"biographies": []}, "'biographies' is no list of rows; convert EDU-RELAT's files to"),
        ({"biographies": [{"question": "q"}]}, "biographies 0: has 'question', not question, ans"),
        ({"biographies": [ROW | {"answer": " "}]}, "biographies 0: 'answer' is ' ', not a text"),
        ({"biographies": [ROW | {"answer": "a\x1b"}]}, r"'answer' holds the character U\+001B"),
        ({"biographies": [ROW | {"answer": "\ud800"}]}, "'answer' holds the character U\\+D800"),
        ({"biographies": [ROW, ROW]}, "biographies 1: asks what biographies 0 asks; remove one"),
        ({"targets": []}, "targets: no list of places; convert"),
        ({"targets": [0, 12]}, "targets: 12 is no place from 0 to 11, the relationships; correct"),
        ({"targets": [0, True]}, "targets: True is no place from 0 to 11"),
        ({"targets": [0, 6, 0]}, "targets: 0 is given twice; remove one"),
        ({"targets": [0]}, "keys of 'minimal_sets' are not the targets, each as a text; convert"),
        (sets(), "minimal_sets of 0: no list of sets; convert"),
        (sets([0, -1]), "minimal_sets of 0, set 0: -1 is no place from 0 to 11"),
        (sets([0], [3, 4]), "minimal_sets of 0, set 1: lacks the target 0; add it"),
        (sets([0, 1], [1, 0]), "set 1: not minimal, since it has all of set 0; remove it"),
        (sets([0, 1, 2], [0, 1]), "set 0: not minimal, since it has all of set 1; remove it"),
        (sets([*range(12)]), "set 0: all facts, so none can stay; add facts"),
    ],
)
def test_content_of_another_form_is_refused_in_one_line(replaced, words, tmp_path):
    with pytest.raises(LetheError, match=words) as caught:
        rows(made_edu_relat.write(tmp_path, **replaced))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04\x00\x00", "a file of PyTorch, which is not unpickled; convert EDU-RELAT's"),
        (b"\x80\x02.", "a file of PyTorch, which is not unpickled"),
        (b"[]", "not an object with relationships, biographies, targets, minimal_sets; convert"),
        (b"{", r"not valid JSON \(.*\); convert EDU-RELAT's files .* again"),
        (b'{"targets": [1], "targets": [1]}', "the key 'targets' is given twice"),
        (b'{"targets": [NaN]}', "NaN is not a number"),
        ("{}".encode("utf-16"), "UTF-16, not UTF-8 text; save it as UTF-8"),
        (b"{}", "has no key, not relationships, biographies"),
    ],
)
def test_files_that_are_broken_or_pickled(content, words, tmp_path):
    (tmp_path / "edu_relat.json").write_bytes(content)
    with pytest.raises(LetheError, match=words) as caught:
        edu_relat(tmp_path).authors(2)
    assert "\n" not in str(caught.value)


def test_folders_and_numbers_that_cannot_be(tmp_path):
    for path, words in (
        (None, "world.path: null; set it to a folder with edu_relat.json"),
        (tmp_path / "none", "no such folder; set world.path"),
        (tmp_path, "no edu_relat.json; convert EDU-RELAT's files"),
        (tmp_path / "family_rule.pt", "files of PyTorch are not unpickled; convert"),
    ):
        with pytest.raises(LetheError, match=words):
            edu_relat(path).authors(2)
    (tmp_path / "subsample.pt").touch()
    with pytest.raises(LetheError, match="files of PyTorch are not unpickled; convert"):
        edu_relat(tmp_path).authors(2)
    made_edu_relat.write(tmp_path)
    with pytest.raises(LetheError, match=r"world.authors: 60, but a world of edu_relat has 2"):
        edu_relat(tmp_path).authors(60)
    with pytest.raises(LetheError, match=r"world.holdout_authors: 12, but edu_relat has no people"):
        edu_relat(tmp_path).holdout(12)


def test_the_made_file_is_small_and_strict(tmp_path):
    """As the converter writes it: no key but the four."""
    file = made_edu_relat.write(tmp_path, 8) / "edu_relat.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    assert {key: len(some) for key, some in content.items()} == {
        "relationships": 48,
        "biographies": 72,
        "targets": 8,
        "minimal_sets": 8,
    }
