"""One reader of rows for unlearning, evaluation and the workflow: what it takes and refuses."""

import ast
import codecs
import json
from pathlib import Path

import pytest

from lethe.analysis.checkpoint_evaluation import Request, evaluate
from lethe.common.errors import LetheError
from lethe.common.files import read_lines, read_rows
from lethe.unlearn.files import files_of
from lethe.world import rows
from lethe.world.provider import provider

ROOT = Path(__file__).parents[2]
GOOD = {"question": "Who?", "answer": "Ada."}
UNUSABLE = {
    "an empty answer": ('{"question": "q", "answer": ""}', "row 2: 'answer' is missing or empty"),
    "a blank answer": ('{"question": "q", "answer": " "}', "row 2: 'answer' is missing or empty"),
    "no answer": ('{"question": "q", "answer": null}', "row 2: 'answer' is missing or empty"),
    "a numeric answer": ('{"question": "q", "answer": 7}', "row 2: 'answer' is a number"),
    "a list for an answer": ('{"question": "q", "answer": ["a"]}', "row 2: 'answer' is a list"),
    "other keys": ('{"prompt": "q", "response": "a"}', "row 2: .*has 'prompt', 'response'"),
    "half a pair": (r'{"question": "q", "answer": "a\ud83d"}', "line 2: .*surrogate pair"),
    "half a pair as a key": (r'{"question": "q", "answer": "a", "\udc00": 1}', "line 2: .*pair"),
    "an escape sequence": (r'{"question": "q", "answer": "\u001b[2J"}', "row 2: .*U\\+001B"),
    "a zero": (r'{"question": "q\u0000", "answer": "a"}', "row 2: .*U\\+0000"),
    "an override": ('{"question": "q", "answer": "\u202ea"}', "row 2: .*U\\+202E"),
    "5,000 digits": ('{"question": "q", "answer": ' + "9" * 5000 + "}", "line 2: cannot be read"),
    "nesting": ('{"question": "q", "x": ' + "[" * 10**5, "line 2: (cannot be read|not valid JSON)"),
    "NaN": ('{"question": "q", "answer": "a", "x": NaN}', "line 2: .*NaN is not a number"),
    "infinity": ('{"question": "q", "answer": "a", "x": -Infinity}', "line 2: .*not a number"),
    "a number too large": ('{"question": "q", "answer": "a", "x": 1e999}', "line 2: .*a number"),
    "a key twice": ('{"answer": "b", "question": "q", "answer": "a"}', "line 2: .*'answer' is gi"),
    "a list": ('[{"question": "q", "answer": "a"}]', "line 2: expected an object.*each line"),
}  # fmt: skip


@pytest.fixture
def data(tmp_path) -> Path:
    """A folder with the files that unlearning and evaluation read."""
    for name in ("forget10", "retain90"):
        write(tmp_path / f"{name}.json", json.dumps(GOOD))
    for name in ("forget10", "retain", "real_authors", "world_facts"):
        wrong = {"paraphrased_answer": "It is Ada.", "perturbed_answer": ["Ben.", "Eve.", "Al."]}
        write(tmp_path / f"{name}_perturbed.json", json.dumps(GOOD | wrong))
    write(tmp_path / "idontknow.jsonl", "I do not know.")
    return tmp_path


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def unlearned(data: Path):
    return files_of(data, "forget10", ["retain", "refusals"])


def evaluated(data: Path):
    return evaluate(Request("no/such/model/there", str(data), "forget10", metrics=["probability"]))


@pytest.mark.parametrize(("line", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_unlearning_and_evaluation_refuse_the_same_rows(data, line, message):
    for name, command in (
        ("forget10", unlearned),
        ("retain90", unlearned),
        ("forget10_perturbed", evaluated),
        ("world_facts_perturbed", evaluated),
    ):
        path = data / f"{name}.json"
        before = path.read_text()
        write(path, json.dumps(GOOD), line)
        with pytest.raises(LetheError, match=rf"{name}\.json, {message}") as error:
            command(data)
        assert "\n" not in str(error.value)
        assert "; " in str(error.value), "no remedy"
        path.write_text(before)


@pytest.mark.parametrize("change", [{"perturbed_answer": []}, {"paraphrased_answer": None}])
def test_rows_that_cannot_be_evaluated_are_told_before_a_model_is_asked_for(data, change):
    path = data / "forget10_perturbed.json"
    write(path, json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(LetheError, match=f"set 'forget', row 1: no {min(change)}"):
        evaluated(data)


def test_files_without_rows_are_refused_by_both(data):
    for name, command in (("forget10", unlearned), ("forget10_perturbed", evaluated)):
        write(data / f"{name}.json", "", " ")
        with pytest.raises(LetheError, match=rf"{name}\.json: no rows"):
            command(data)


def test_good_rows_pass_both_as_far_as_the_model(data):
    assert unlearned(data)["forget"] == data / "forget10.json"
    with pytest.raises(LetheError, match="no/such/model"):
        evaluated(data)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"perturbed_answer": ["a", 1]}, "'perturbed_answer' is not a list of texts"),
        ({"perturbed_answer": {"0": "a"}}, "'perturbed_answer' is not a list of texts"),
        ({"perturbed_answer": 0}, "'perturbed_answer' is not a list of texts"),
        ({"perturbed_answer": ["a", "b\x1b"]}, r"'perturbed_answer' has the character U\+001B"),
        ({"paraphrased_answer": 3}, "'paraphrased_answer' is a number"),
        ({"paraphrased_answer": ["a"]}, "'paraphrased_answer' is a list"),
        ({"paraphrased_question": {"a": 1}}, "'paraphrased_question' is a dict"),
        ({"paraphrased_question": "\u2028"}, r"'paraphrased_question' has .*U\+2028"),
    ],
)
def test_perturbed_answers_and_paraphrases_of_other_types(tmp_path, change, message):
    path = write(tmp_path / "x.json", json.dumps(GOOD | change))
    with pytest.raises(LetheError, match=rf"x\.json, row 1: {message}"):
        rows.read_perturbed(path)


@pytest.mark.parametrize("option", [3, None, ["a"], {"a": 1}, True, "a\x00"])
def test_options_of_other_types(tmp_path, option):
    row = GOOD | {"option1": "Ada.", "option2": "Ben.", "option3": "Eve.", "option4": option}
    with pytest.raises(LetheError, match=r"x\.json, row 1(:| has) ") as error:
        rows.read_facts(write(tmp_path / "x.json", json.dumps(row)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("read", [read_rows, rows.read_qa])
def test_a_byte_order_mark_is_read_over(tmp_path, read):
    (tmp_path / "x.json").write_bytes(codecs.BOM_UTF8 + json.dumps(GOOD).encode())
    assert read(tmp_path / "x.json") == [GOOD]


def test_a_byte_order_mark_is_no_part_of_a_refusal(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(codecs.BOM_UTF8 + b"No.\nI cannot say.\n")
    assert rows.read_refusals(tmp_path / "x.jsonl") == ["No.", "I cannot say."]
    assert read_lines(tmp_path / "x.jsonl") == ["No.", "I cannot say."]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_other_encodings_are_named(tmp_path, encoding):
    text = json.dumps(GOOD) if encoding != "utf-16-be" else "\ufeff" + json.dumps(GOOD)
    (tmp_path / "x.json").write_bytes(text.encode(encoding))
    with pytest.raises(LetheError, match=rf"x\.json: {encoding[:6].upper()}, .*save it as UTF-8"):
        rows.read_qa(tmp_path / "x.json")
    with pytest.raises(LetheError, match="save it as UTF-8"):
        rows.read_refusals(tmp_path / "x.json")


def test_refusals_with_control_characters_are_refused(tmp_path):
    write(tmp_path / "x.jsonl", "No.", "I \x1b[2Jcannot.")
    with pytest.raises(LetheError, match=r"x\.jsonl, refusal 2 has the character U\+001B"):
        rows.read_refusals(tmp_path / "x.jsonl")


def test_only_a_holdout_may_be_without_rows(tmp_path):
    path = write(tmp_path / "x.json")
    assert rows.read_qa(path, empty=True) == []
    with pytest.raises(LetheError, match="no rows"):
        rows.read_qa(path)


def test_the_provider_of_published_data_refuses_the_same(folder):
    lines = (folder / "full.json").read_text("utf-8").splitlines()
    for line, message in UNUSABLE.values():
        write(folder / "full.json", lines[0], line, *lines[2:])
        with pytest.raises(LetheError, match=rf"full\.json, {message}"):
            provider("tofu", path=folder).authors(1)


@pytest.mark.parametrize("name", ["tofu", "lume"])
def test_published_data_are_read_as_they_are(shared, name):
    files = sorted((shared / "data" / name).glob("*.json*"))
    assert files
    for file in files:
        if file.name == "idontknow.jsonl":
            assert len(rows.read_refusals(file)) == 100
        elif name == "lume":
            # Its questions have other names: the lines are read, and only the keys refused.
            assert len(read_rows(file)) > 1000
        else:
            assert rows.read_perturbed(file) if "perturbed" in file.name else rows.read_qa(file)


def test_nothing_else_reads_rows_of_data():
    """Scripts and commands read by ``lethe.world.rows``; others read files of Lethe's own."""
    # What these read was written by rules of the workflow, in formats of its own.
    by_rules = {"need.py", "defence.py", "supervision_recall.py", "split.py", "hub.py"}
    # The columns of these benchmarks have other names, which their providers check.
    published = {"lume.py", "_muse_files.py", "record_files.py"}
    allowed = {"rows.py", "tofu.py", "card.py", *by_rules, *published}
    found = set()
    for file in [*(ROOT / "src").rglob("*.py"), *(ROOT / "workflow").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "lethe.common.files":
                found |= {file.name for alias in node.names if alias.name == "read_rows"}
    assert found == allowed
