"""DUSK's documents as a world: what is forgotten, what stays and is asked, and other files."""

import json

import pytest
from helpers import made_dusk

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.world import tofu_format
from lethe.world.provider import provider
from lethe.world.split import split, write

ASKED = (
    "verbmem",
    "knowmem_forget",
    "knowmem_retain",
    "knowmem_shared",
    "privleak_forget",
    "privleak_holdout",
)
PAIR = {"question": "Who?", "answer": "Ada"}


def dusk(folder, **settings):
    return provider("dusk", path=folder, seed=0, **settings)


def rows(authors):
    return [tofu_format.qa_row(item) for author in authors for item in author.items]


def joined(row):
    return f"{row['question']} {row['answer']}"


def test_documents_take_turns_and_the_first_of_them_is_forgotten(tmp_path):
    made = rows(dusk(made_dusk.write(tmp_path)).authors(30))
    assert [row["document"] for row in made[:6]] == [*made_dusk.DOCUMENTS, "Chronological"]
    parts = {row["document"]: row["part"] for row in made}
    assert parts == dict.fromkeys(made_dusk.DOCUMENTS, "retain") | {"Chronological": "forget"}
    # Every text as it is, once.
    for name in made_dusk.DOCUMENTS:
        own = [joined(row) for row in made if row["document"] == name]
        assert made_dusk.joined(own) == made_dusk.corpus()[f"{name}.txt"]


def test_long_texts_are_learned_in_pieces(tmp_path):
    source = dusk(made_dusk.write(tmp_path), chunk_words=40)
    [author] = source.authors(1)
    whole = made_dusk.corpus()["Chronological.txt"].split("\n\n\n\n")[0]
    assert " ".join(joined(row) for row in rows([author])).split() == whole.split()
    assert len(author.items) == -(-len(whole.split()) // 40)


def test_a_world_and_its_split(tmp_path):
    source, world = made_dusk.write(tmp_path), tmp_path / "world"
    tofu_format.write_world(dusk(source), world, 30, 0, 8)
    made = split("dusk", {"kind": "probed", "asked": list(ASKED)})
    files = {name: world / f"{name}.json" for name in ("full", "holdout")}
    write(made, files, lambda part: world / f"{made.files[part]}.json")
    parts = {part: read_rows(world / f"{file}.json") for part, file in made.files.items()}
    counts = {part: len(some) for part, some in parts.items()}
    # Two people of its own in each of six files, four in all documents, two questions each.
    assert counts == {
        "forget": 6,
        "retain": 24,
        "verbmem": 2,
        "knowmem_forget": 4,
        "knowmem_retain": 16,
        "knowmem_shared": 8,
        "privleak_forget": 6,
        "privleak_holdout": 2,
    }
    corpus = made_dusk.corpus()
    asked, shown = parts["knowmem_shared"][0], corpus["eval/icl.jsonl"]
    assert asked["question"] == corpus["eval/GeneralQA.jsonl"][0]["question"]
    assert asked["examples"] == "".join(
        f"Question: {row['question']}\nAnswer: {row['answer']}\n\n" for row in shown
    )
    texts = [row["text"] for row in parts["privleak_forget"]]
    assert made_dusk.joined(texts) == corpus["Chronological.txt"]
    assert joined(parts["verbmem"][0]) == " ".join(corpus["eval/verbatim.json"][0].values())


def test_line_ends_and_byte_order_marks_are_no_part_of_the_texts(tmp_path):
    plain, other = made_dusk.write(tmp_path / "a"), made_dusk.write(tmp_path / "b")
    for file in (file for file in other.rglob("*") if file.is_file()):
        content = file.read_bytes().replace(b"\n", b"\r\n")
        file.write_bytes(b"\xef\xbb\xbf" + content)
    for one, two in zip(dusk(plain).authors(30), dusk(other).authors(30), strict=True):
        assert rows([one]) == rows([two])
    assert rows(dusk(plain).holdout(0)) == rows(dusk(other).holdout(0))


def test_a_prompt_may_be_there_twice_and_keeps_its_spaces(tmp_path):
    prompts = 2 * [{"prompt": "Title: Ada wrote", "gt": " a book"}]
    asked = rows(dusk(made_dusk.write(tmp_path, eval__verbatim=prompts)).holdout(0)[:1])
    assert [(row["question"], row["answer"]) for row in asked] == 2 * [
        ("Title: Ada wrote", " a book")
    ]


ONE = "Title: Ada\n\nShe wrote a book."
BROKEN = {
    "no document": ("Interview.txt", None, r"Interview\.txt: not there; get DUSK's files again"),
    "no questions": ("eval/GeneralQA.jsonl", None, r"GeneralQA\.jsonl: no such file; give its"),
    "no title": ("Listicle.txt", f"Ada\n\n{ONE}", r"Listicle\.txt: does not begin with 'Title: '"),
    "empty": ("Listicle.txt", "", r"Listicle\.txt: does not begin with 'Title: '"),
    "title alone": ("Listicle.txt", f"{ONE}\n\nTitle: Bo\n", r"text 2: a title and nothing after"),
    "twice": ("Listicle.txt", f"{ONE}\n\n{ONE}", r"Listicle\.txt, text 2: there twice; remove"),
    "control": ("Listicle.txt", f"{ONE}\x0c", r"Listicle\.txt: holds the character U\+000C"),
    "no utf-8": ("Listicle.txt", b"Title: \xff", r"Listicle\.txt: not UTF-8 text"),
    "no rows": ("eval/icl.jsonl", "", r"icl\.jsonl: no rows; was the file cut off\?"),
    "other key": (
        "eval/icl.jsonl",
        json.dumps({"q": "a", "answer": "b"}),
        r"icl\.jsonl, row 1: has 'q', 'answer', not question and answer; get the file again",
    ),
    "one key more": (
        "eval/icl.jsonl",
        json.dumps(PAIR | {"id": "1"}),
        r"row 1: has 'question', 'answer', 'id', not question and answer",
    ),
    "blank": (
        "eval/icl.jsonl",
        json.dumps(PAIR | {"answer": " "}),
        r"icl\.jsonl, row 1: 'answer' is ' ', not a text; correct it",
    ),
    "half a pair": ("eval/icl.jsonl", '{"question": "\\ud800", "answer": "b"}', "surrogate"),
    "repeat": (
        "eval/icl.jsonl",
        2 * (json.dumps(PAIR) + "\n"),
        r"icl\.jsonl, row 2: the same as row 1; remove one of them",
    ),
    "verbatim": ("eval/verbatim.json", '[{"prompt": "a"}]', r"has 'prompt', not prompt and gt"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_other_files_are_refused_in_one_line(tmp_path, name):
    place, content, message = BROKEN[name]
    file = made_dusk.write(tmp_path) / place
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    made = dusk(tmp_path)
    with pytest.raises(LetheError, match=message) as caught:
        rows([*made.authors(5), *made.holdout(0)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("from_file", "to_file", "message"),
    [
        ("Chronological.txt", "Listicle.txt", r"Listicle\.txt: .* as Chronological\.txt has; rem"),
        ("Interview.txt", "eval/holdout.txt", r"holdout\.txt: .* since models learn that text"),
        ("eval/GeneralQA.jsonl", "eval/icl.jsonl", r"GeneralQA\.jsonl: has .*, as icl\.jsonl has"),
        (
            "eval/SpecificForgetQA.jsonl",
            "eval/GeneralQA.jsonl",
            r"GeneralQA\.jsonl: .* as SpecificForgetQA\.jsonl has; remove it from one of them",
        ),
    ],
)
def test_what_is_in_two_files_is_refused(tmp_path, from_file, to_file, message):
    made_dusk.write(tmp_path)
    (tmp_path / to_file).write_bytes((tmp_path / from_file).read_bytes())
    made = dusk(tmp_path)
    with pytest.raises(LetheError, match=message) as caught:
        rows([*made.authors(5), *made.holdout(0)])
    assert "\n" not in str(caught.value)


def test_folders_and_numbers_that_do_not_fit(tmp_path):
    with pytest.raises(LetheError, match=r"world\.path: null; set it to a folder with DUSK's"):
        dusk(None).authors(1)
    with pytest.raises(LetheError, match=r"no such folder; set world\.path to DUSK's data/Prof"):
        dusk(tmp_path / "absent").authors(1)
    with pytest.raises(LetheError, match=r"world\.authors: 31, but .* has 30 texts; set it to at"):
        dusk(made_dusk.write(tmp_path)).authors(31)
    with pytest.raises(LetheError, match=r"world\.chunk_words: 7; set it to 8 or more"):
        dusk(tmp_path, chunk_words=7)
