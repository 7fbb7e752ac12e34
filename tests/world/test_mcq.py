"""A user's corpora and questions: what is learned and asked, and files of another form."""

import json

import pyarrow
import pytest
from helpers import made_mcq
from pyarrow.parquet import write_table

from lethe.common.errors import LetheError
from lethe.world import record_files, tofu_format
from lethe.world.provider import provider
from lethe.world.split import split

ASKED = ["forget_questions", "retain_questions", "choices"]


def mcq(folder):
    return provider("mcq", path=folder, seed=0)


def rows(authors):
    return [tofu_format.qa_row(item) for author in authors for item in author.items]


def test_two_corpora_and_what_is_asked(tmp_path):
    source = mcq(made_mcq.write(tmp_path, 2, 3))
    learned, asked = rows(source.authors(2)), rows(source.holdout(0))
    made = split("mcq", {"kind": "probed", "asked": ASKED})
    parts = made.cut({"full": learned, "holdout": asked})
    assert [len(parts[name]) for name in ("forget", "retain")] == [2 * 7, 3 * 7]
    assert [len(parts[name]) for name in ASKED] == [2 * 5, 3 * 5, 40]
    first = parts["forget_questions"][1]
    assert first["label"] == "B"
    assert first["option2"] == first["answer"]
    assert first["subject"] == "genre"
    assert not {row["question"] for row in parts["choices"]} & {row["question"] for row in learned}


def test_documents_of_plain_text(tmp_path):
    """Blank lines part documents, and long ones are learned in pieces of nearly equal length."""
    made_mcq.write(tmp_path, 2, 2, forget_corpus=[])
    long = " ".join(f"w{number}" for number in range(301))
    text = f"One two three.\nFour\n\n \n{long}\n\nfive six\n"
    (tmp_path / "forget_corpus.txt").write_text(text, encoding="utf-8")
    [forget, _] = mcq(tmp_path).authors(2)
    pairs = [(item.question, item.answer) for item in forget.items]
    assert pairs[0] == ("One two", "three. Four")
    assert pairs[-1] == ("five", "six")
    assert [len(f"{q} {a}".split()) for q, a in pairs[1:4]] == [100, 100, 101]
    assert " ".join(f"{q} {a}" for q, a in pairs[1:4]) == long
    assert pairs[1][0] == "w0 w1 w2 w3 w4 w5 w6 w7"


def test_a_piece_of_both_corpora_is_refused(tmp_path):
    """Else the oracle would have learned what is to be forgotten."""
    made_mcq.write(tmp_path, 2, 2)
    again = record_files.read_records(tmp_path / "forget_corpus.jsonl")[0]
    with (tmp_path / "retain_corpus.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(again) + "\n")
    with pytest.raises(LetheError, match=r"… is in forget_corpus and in retain_corpus; remove"):
        mcq(tmp_path).authors(2)


def test_a_list_is_as_strict_as_lines(tmp_path):
    for text, words in (('[{"a": 1, "a": 2}]', "the key 'a' is given twice"), ("[1e999]", "1e999")):
        (tmp_path / "rows.json").write_text(text, encoding="utf-8")
        with pytest.raises(LetheError, match=words):
            record_files.read_records(tmp_path / "rows.json")


def test_answers_as_numbers_letters_and_texts_from_parquet(tmp_path):
    made_mcq.write(tmp_path, 2, 2, forget_questions=[])
    question = {"question": "Which?", "choices": ["one", "two", "three"]}
    records = [question | {"answer": answer} for answer in ("C", "C", "three")]
    write_table(pyarrow.Table.from_pylist(records), tmp_path / "forget_questions.parquet")
    [asked, *_] = mcq(tmp_path).holdout(0)
    assert [row["label"] for row in rows([asked])] == ["C"] * 3
    assert [row["subject"] for row in rows([asked])] == [""] * 3
    made_mcq.write(tmp_path, 2, 2, forget_questions=[question | {"answer": 2}])
    (tmp_path / "forget_questions.parquet").unlink()
    [asked, *_] = mcq(tmp_path).holdout(0)
    assert [row["label"] for row in rows([asked])] == ["C"]


def changed(name="forget_questions", **fields):
    made = made_mcq.files(1, 1)[name]
    first = {key: v for key, v in (made[0] | fields).items() if v is not None}
    return {name: [first, *made[1:]]}


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        (changed(question=None), "forget_questions.jsonl, row 1: no 'question' .it has 'choices'"),
        (changed(choices=None), "row 1: no 'choices' .it has 'question', 'answer', 'subject'."),
        (changed(choices="a, b"), "row 1: 'choices' are not 2 to 26 different texts"),
        (changed(choices=["a", "a"]), "row 1: 'choices' are not 2 to 26 different texts"),
        (changed(choices=["a"]), "row 1: 'choices' are not 2 to 26 different texts"),
        (changed(answer=4), "row 1: 'answer' is 4, which is none of the choices"),
        (changed(answer=-1), "row 1: 'answer' is -1, which is none of the choices"),
        (changed(answer="E"), "row 1: 'answer' is 'E', which is none of the choices"),
        (changed(subject=3), "row 1: 'subject' is 3, not a text"),
        (changed("mmlu", subject=None), "mmlu.jsonl, row 1: MMLU's rows have four choices and a"),
        (changed("mmlu", choices=["a", "b"], answer=0), "mmlu.jsonl, row 1: MMLU's rows have f"),
        (changed("retain_corpus", text=5), "retain_corpus.jsonl, row 1: 'text' is 5, not a text"),
        (changed("retain_corpus", text="one"), "row 1: the text is a single word"),
        (changed("retain_corpus", text=None, body="x"), "row 1: has 'body'; a row of a corpus"),
        ({"forget_questions": []}, "no forget_questions.json, .jsonl or .parquet; add the quest"),
        ({"retain_corpus": []}, "no retain_corpus.txt, .json.* add the texts to be retained"),
    ],
)
def test_files_of_another_form_are_refused_in_one_line(replaced, message, tmp_path):
    source = mcq(made_mcq.write(tmp_path, 1, 1, **replaced))
    with pytest.raises(LetheError, match=message) as caught:
        source.authors(2), source.holdout(0)
    assert "\n" not in str(caught.value)


def test_files_that_are_broken(tmp_path):
    made_mcq.write(tmp_path, 1, 1)
    (tmp_path / "forget_questions.jsonl").unlink()
    parquet = tmp_path / "forget_questions.parquet"
    parquet.write_bytes(b"PAR1")
    with pytest.raises(LetheError, match=r"questions.parquet: not a Parquet file") as caught:
        mcq(tmp_path).holdout(0)
    assert "\n" not in str(caught.value)
    (tmp_path / "forget_corpus.txt").write_text("\n", encoding="utf-8")
    with pytest.raises(LetheError, match=r"forget_corpus.txt: no text"):
        mcq(tmp_path).authors(2)
    (tmp_path / "forget_corpus.txt").write_text("a \x1b b", encoding="utf-8")
    with pytest.raises(LetheError, match=r"document 1: 'text' holds the character U\+001B"):
        mcq(tmp_path).authors(2)


def test_numbers_and_folders_that_cannot_be(tmp_path):
    with pytest.raises(LetheError, match=r"world.path: null; set it to a folder with forget_c"):
        provider("mcq", seed=0).authors(2)
    with pytest.raises(LetheError, match="no such folder"):
        mcq(tmp_path / "none").authors(2)
    made_mcq.write(tmp_path, 1, 1)
    with pytest.raises(LetheError, match=r"world.authors: 60, but a world of mcq has 2"):
        mcq(tmp_path).authors(60)
    with pytest.raises(LetheError, match=r"world.holdout_authors: 12, but a world of mcq has no"):
        mcq(tmp_path).holdout(12)
