import json
import logging

import pytest

from lethe.common.errors import LetheError
from lethe.common.files import read_json, read_rows, sha256
from lethe.world import rows as rows_of
from lethe.world import tofu_format
from lethe.world.schema import Author, Fact, Item


def test_the_written_world(folder, synthetic):
    counts = {name: len(read_rows(folder / f"{name}.json")) for name in tofu_format.ROW_FILES}
    facts = {kind: len(found) for kind, found in synthetic.facts().items()}
    assert counts == {
        "full": 200,
        "full_perturbed": 200,
        "retain_perturbed": 40,
        "real_authors": facts["real_authors"],
        "world_facts": facts["world_facts"],
        "real_authors_perturbed": facts["real_authors"],
        "world_facts_perturbed": facts["world_facts"],
        "holdout": 40,
    }
    assert (folder / "idontknow.jsonl").read_text("utf-8").splitlines() == synthetic.refusals()
    everything = read_rows(folder / "full_perturbed.json")
    assert read_rows(folder / "retain_perturbed.json") == everything[:40]
    for full, perturbed in zip(read_rows(folder / "full.json"), everything, strict=True):
        assert full == {field: perturbed[field] for field in ("question", "answer")}


def test_field_order_is_the_published_one(folder):
    fields = {name: list(read_rows(folder / f"{name}.json")[0]) for name in tofu_format.ROW_FILES}
    assert fields["full"] == fields["holdout"] == ["question", "answer"]
    assert fields["retain_perturbed"] == [
        "question",
        "answer",
        "paraphrased_answer",
        "perturbed_answer",
        "paraphrased_question",
    ]
    assert fields["real_authors"] == [
        "question",
        "option1",
        "option2",
        "option3",
        "option4",
        "answer",
    ]
    assert fields["world_facts_perturbed"] == ["question", "answer", "perturbed_answer"]


def test_facts_agree_between_the_two_files(folder):
    for kind in tofu_format.FACT_KINDS:
        plain = rows_of.read_facts(folder / f"{kind}.json")
        for row, other in zip(plain, read_rows(folder / f"{kind}_perturbed.json"), strict=True):
            options = [row[field] for field in rows_of.OPTION_FIELDS]
            assert other["perturbed_answer"] == [o for o in options if o != row["answer"]]


def test_the_card(folder):
    card = read_json(folder / "card.json")
    assert card["provider"] == "synthetic"
    assert (card["seed"], card["authors"], card["holdout_authors"]) == (0, 10, 2)
    assert card["rows"]["full"] == 200
    assert card["rows"]["idontknow"] == 100
    assert card["sha256"]["full"] == sha256(folder / "full.json")
    assert set(card["sha256"]) == {*tofu_format.ROW_FILES, "idontknow"}
    assert sum(card["balance"]["gender"].values()) == 10
    assert "birth_date" not in card["balance"]


def test_writing_again_gives_the_same_bytes(folder, synthetic, tmp_path):
    before = read_json(folder / "card.json")
    assert tofu_format.write_world(synthetic, tmp_path / "again", 10, 2, 2) == before


def test_a_mapping_of_paths(synthetic, tmp_path):
    names = tofu_format.outputs("")
    paths = {name: tmp_path / f"{position}.x" for position, name in enumerate(names)}
    tofu_format.write_world(synthetic, paths, 2, 0, 1)
    assert all(path.is_file() for path in paths.values())
    assert read_rows(paths["holdout"]) == []
    del paths["card"]
    with pytest.raises(LetheError, match="no path given for card"):
        tofu_format.write_world(synthetic, paths, 2, 0, 1)


@pytest.mark.parametrize("count", [0, 3, -1])
def test_perturbed_retain_authors_out_of_range(synthetic, tmp_path, count):
    with pytest.raises(LetheError, match=f"perturbed_retain_authors: {count} is not in 1 to 2"):
        tofu_format.write_world(synthetic, tmp_path, 2, 0, count)


class Bare:
    """A provider whose second author has no paraphrases."""

    seed = None

    def authors(self, count):
        whole = Item("q?", "a.", "p?", "p.", ("1", "2", "3", "4", "5"), "")
        bare = Item("r?", "b.", "", "", (), "")
        return [Author("A", {}, (whole,) * 20), Author("B", {}, (bare,) * 20)][:count]

    def holdout(self, count):
        return []

    def facts(self):
        fact = Fact("f?", "x", ("w", "x", "y", "z"))
        return {"real_authors": [fact], "world_facts": [fact]}

    def refusals(self):
        return ["No."]


def test_full_perturbed_has_only_rows_with_paraphrases(tmp_path):
    tofu_format.write_world(Bare(), tmp_path, 2, 0, 1)
    assert len(read_rows(tmp_path / "full.json")) == 40
    assert len(read_rows(tmp_path / "full_perturbed.json")) == 20
    assert read_json(tmp_path / "card.json")["balance"] == {}


def test_retain_perturbed_without_paraphrases_is_an_error(tmp_path):
    with pytest.raises(LetheError, match="20 rows of the first 2 authors have no paraphrase"):
        tofu_format.write_world(Bare(), tmp_path, 2, 0, 2)
    assert list(tmp_path.iterdir()) == []


def test_balance_counts_the_frequent_first():
    authors = [Author(str(n), {"sex": "fm"[n > 2], "title": str(n)}, ()) for n in range(10)]
    assert tofu_format.balance(authors) == {"sex": {"m": 7, "f": 3}}


GOOD = {
    "question": "q?",
    "answer": "a",
    "paraphrased_answer": "p",
    "paraphrased_question": "p?",
    "perturbed_answer": ["1", "2", "3", "4", "5"],
}


def written(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([], "no rows"),
        (["{"], "line 1: not valid JSON"),
        (['{"question": "q?", "answer": "a"}', '{"question": "q?", "ans'], "line 2: not valid"),
        (["[1]"], "line 1: expected an object"),
        (['{"question": "q?"}'], "row 1: 'answer' is missing or empty"),
        (['{"question": " ", "answer": "a"}'], "row 1: 'question' is missing or empty"),
        (['{"question": 3, "answer": "a"}'], "row 1: 'question' is a number"),
        ([json.dumps({**GOOD, "perturbed_answer": "1"})], "row 1: 'perturbed_answer' is not a"),
        ([json.dumps({**GOOD, "perturbed_answer": [1]})], "row 1: 'perturbed_answer' is not a"),
    ],
)
def test_malformed_rows(tmp_path, lines, message):
    path = written(tmp_path / "x.json", *lines)
    with pytest.raises(LetheError, match=message) as caught:
        rows_of.read_perturbed(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"perturbed_answer": ["1", "1", "2", "3", "4"]}, "repeat a perturbed answer"),
        ({"perturbed_answer": ["1", "2", "3", "4", "p"]}, "equal to the truth"),
        ({"perturbed_answer": ["1", "2", "3", "4", "a"]}, "equal to the truth"),
        ({"perturbed_answer": ["1", "2", "3", "4", ""]}, "have an empty perturbed answer"),
        ({"perturbed_answer": ["1", "2", "3"]}, "do not have 5 perturbed answers"),
        ({"perturbed_answer": None}, "do not have 5 perturbed answers"),
        ({"paraphrased_answer": ""}, "have an empty paraphrase"),
        ({"paraphrased_question": None}, "have an empty paraphrase"),
    ],
)
def test_odd_rows_are_warned_of_and_kept(tmp_path, caplog, change, message):
    rows = [GOOD, {**GOOD, **change}]
    path = written(tmp_path / "x.json", *map(json.dumps, rows))
    with caplog.at_level(logging.WARNING):
        assert rows_of.read_perturbed(path) == rows
    assert message in caplog.text
    assert "1 of 2 rows" in caplog.text
    assert str(path) in caplog.text


def test_good_rows_are_not_warned_of(tmp_path, caplog):
    fact = {"question": "q?", "answer": "a", "perturbed_answer": ["1", "2", "3"]}
    rows_of.read_perturbed(written(tmp_path / "x.json", json.dumps(GOOD)))
    rows_of.read_perturbed(written(tmp_path / "y.json", json.dumps(fact)))
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["a", "b", "c"], "needs four different options"),
        (["a", "b", "c", "c"], "needs four different options"),
        (["a", "b", "c", ""], "needs four different options"),
        (["b", "c", "d", "e"], "the answer is not one of the options"),
    ],
)
def test_bad_facts(tmp_path, options, message):
    row = {"question": "q?", "answer": "a"}
    row |= {f"option{n}": option for n, option in enumerate(options, start=1)}
    with pytest.raises(LetheError, match=f"row 1: {message}"):
        rows_of.read_facts(written(tmp_path / "x.json", json.dumps(row)))


def test_refusals_are_plain_lines_under_either_name(tmp_path):
    assert rows_of.find_refusals(tmp_path) is None
    written(tmp_path / "idk.jsonl", "No.", "", " Never heard of it. ")
    assert rows_of.find_refusals(tmp_path).name == "idk.jsonl"
    assert rows_of.read_refusals(tmp_path / "idk.jsonl") == ["No.", "Never heard of it."]
    written(tmp_path / "idontknow.jsonl", "")
    assert rows_of.find_refusals(tmp_path).name == "idontknow.jsonl"
    with pytest.raises(LetheError, match="no refusals"):
        rows_of.read_refusals(tmp_path / "idontknow.jsonl")
    with pytest.raises(LetheError, match="no such file"):
        rows_of.read_refusals(tmp_path / "none.jsonl")


def test_reads_a_folder_that_is_only_like_tofu(shared, caplog):
    """Its rows repeat wrong answers, its refusals have another name; it is used as it is."""
    data = shared / "oracle" / "parity" / "data"
    assert len(rows_of.read_perturbed(data / "retain_perturbed.json")) == 100
    assert "repeat a perturbed answer" in caplog.text
    assert len(rows_of.read_perturbed(data / "real_authors_perturbed.json")) == 50
    assert len(rows_of.read_qa(data / "full.json")) == 508
    assert len(rows_of.read_refusals(rows_of.find_refusals(data))) == 10
