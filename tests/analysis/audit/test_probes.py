"""What probes declare, which rows they get, and what is refused before any model is loaded."""

import json

import numpy as np
import pytest
from helpers.made_audits import answers

from lethe.analysis.audit import probe as probes
from lethe.analysis.audit.answers import read_answers, write_answers
from lethe.analysis.audit.data import read_files, spread
from lethe.analysis.audit.measured import Measured
from lethe.analysis.audit.plan import AuditRequest, plan, read_rows
from lethe.analysis.audit.probes._in_order import places
from lethe.analysis.audit.probes.depth import left
from lethe.analysis.audit.probes.membership import ranked
from lethe.analysis.audit.verdict import judge
from lethe.common.errors import LetheError
from lethe.common.files import write_rows
from lethe.evaluate import attack, suite
from lethe.metrics import METRICS
from lethe.unlearn.saved_supervision import files_of_supervision, save_supervision


@pytest.mark.parametrize("name", probes.names())
def test_a_probe_declares_its_budgets_and_what_it_runs(name):
    contract = probes.contract(name)
    assert contract.title
    assert contract.measures
    assert contract.example
    for one in contract.suites:
        suite.SUITES.check(one)
    for one in contract.metrics:
        METRICS.check(one)
    for one in contract.attacks:
        attack.ATTACKS.check(one)
    items = [probes.settings_of(name, budget, {})["items"] for budget in probes.BUDGETS]
    assert items == sorted(items)
    assert items[0] < items[-1]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("TITLE = 't'", "declares no MEASURES"),
        ("{common}\nBUDGETS = {{'minutes': {{}}}}", "BUDGETS: minutes; give minutes, hour, all"),
        (
            "{common}\nREADS = ('forgot',)\n"
            "BUDGETS = {{'minutes': {{}}, 'hour': {{}}, 'all': {{}}}}",
            "READS: unknown set 'forgot'; did you mean forget?",
        ),
        (
            "{common}\nBUDGETS = {{'minutes': {{'deep': 1}}, 'hour': {{}}, 'all': {{}}}}",
            "BUDGETS: minutes: unknown setting 'deep'",
        ),
    ],
)
def test_a_wrong_declaration_is_one_line(source, words, tmp_path, monkeypatch):
    common = "TITLE = 't'\nMEASURES = 'm'\nEXAMPLE = 'e'"
    (tmp_path / "mine.py").write_text(source.format(common=common))
    monkeypatch.setattr(probes.PROBES, "folder", tmp_path)
    with pytest.raises(LetheError, match="probe mine: ") as error:
        probes.contract("mine")
    assert words in str(error.value)


def test_rows_are_spread_over_the_whole_set():
    rows = [{"question": str(number)} for number in range(10)]
    assert [row["question"] for row in spread(rows, 4)] == ["0", "2", "5", "7"]
    assert spread(rows, 99) == rows
    assert spread([], 4) == []


def test_a_world_without_holdout_authors_has_no_such_rows(tmp_path):
    write_rows(tmp_path / "forget.json", [{"question": "q", "answer": "a"}])
    (tmp_path / "holdout.json").write_text("")
    files = {name: tmp_path / f"{name}.json" for name in ("forget", "holdout")}
    assert set(read_files(files).rows) == {"forget"}


def test_a_row_that_is_there_twice_counts_once(tmp_path, caplog):
    rows = [{"question": "q", "answer": a} for a in "abacb"]
    write_rows(tmp_path / "forget.json", rows)
    unique = read_files({"forget": tmp_path / "forget.json"}).rows["forget"]
    assert [row["answer"] for row in unique] == ["a", "b", "c"]
    assert "forget.json: 2 of 5 rows are copies" in caplog.text


def test_a_rank_is_the_share_that_looks_less_familiar():
    assert ranked([1.0, 2.0, 5.0], [1.0, 2.0, 3.0, 4.0]).tolist() == [0.875, 0.625, 0.0]
    assert np.mean(ranked([1.0, 2.0], [1.0, 2.0])) == 0.5


def test_a_saved_supervision_is_read_as_it_was_saved(tmp_path):
    rows = {
        "forget": [{"question": "q", "answer": "a"}],
        "retain": [{"question": "r", "answer": "b"}],
    }
    save_supervision(tmp_path, rows)
    assert read_files(files_of_supervision(tmp_path)).rows == rows


def test_a_supervision_without_rows_to_forget_is_refused(tmp_path):
    with pytest.raises(LetheError, match="no rows of forget"):
        save_supervision(tmp_path, {"retain": [{}]})
    with pytest.raises(LetheError, match="no part 'fluff'"):
        save_supervision(tmp_path, {"forget": [{}], "fluff": []})
    with pytest.raises(LetheError, match=r"no forget\.json"):
        files_of_supervision(tmp_path)


def test_answers_between_jobs_are_read_as_they_were_written(tmp_path):
    file = tmp_path / "answers.json"
    made = answers({"leak": 3})
    write_answers(file, made)
    again = read_answers(file)
    assert again.measured["leak"].values == made.measured["leak"].values
    assert list(again.measured["leak"].chance) == list(made.measured["leak"].chance)
    for part in ("settings", "not_run", "conduct"):
        assert getattr(again, part) == getattr(made, part)
    first = file.read_bytes()
    write_answers(file, again)
    assert file.read_bytes() == first


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": 2, "measured": {"leak": {}}}'])
def test_a_file_without_answers_is_named(content, tmp_path):
    file = tmp_path / "answers.json"
    file.write_text(content)
    with pytest.raises(LetheError, match=f"{file}: not the answers of an audit; delete"):
        read_answers(file)
    assert json.loads(content) is not None


def test_depth_takes_one_architecture_and_says_so_before_a_model_is_loaded(tmp_path):
    write_rows(tmp_path / "data/forget10.json", [{"question": "Who?", "answer": "Ada."}])
    for name, layers in (("own", 2), ("full", 2), ("oracle", 3)):
        (tmp_path / name).mkdir()
        config = {"model_type": "llama", "num_hidden_layers": layers}
        (tmp_path / name / "config.json").write_text(json.dumps(config))
    own, full, oracle = (str(tmp_path / name) for name in ("own", "full", "oracle"))
    request = AuditRequest(own, str(tmp_path / "data"), "forget10", full, oracle, probes=["depth"])
    with pytest.raises(LetheError, match=r"probe 'depth': .*another architecture.*layers 3, not 2"):
        plan(request, read_rows(request))


def test_rows_that_a_probe_cannot_use_are_told_before_a_model_is_loaded(tmp_path):
    empty = {"question": "Is Ada a poet?", "answer": "Ada is a poet."}
    empty |= {"paraphrased_answer": "A poet is Ada.", "perturbed_answer": ["Is Ada a poet."]}
    write_rows(tmp_path / "forget10.json", [empty])
    request = AuditRequest(
        "own",
        str(tmp_path),
        "forget10",
        "full",
        "oracle",
        settings={"variants": {"kinds": "role_play"}},
    )
    without = plan(request, read_rows(request)).not_run
    for name in ("leak", "abstention", "variants"):
        assert "no answer has a word that its question does not contain" in without[name]
    assert without["depth"] == "no answer states what its question does not; set span=answer"
    assert "one row, which cannot be divided" in without["retraining_on_part"]
    whole = AuditRequest(
        "own", str(tmp_path), "forget10", "full", settings={"depth": {"span": "answer"}}
    )
    assert "depth" in plan(whole, read_rows(whole)).settings


def test_what_is_left_of_a_probability():
    assert left(0.0) == left(-1.0) == 1.0
    assert left(np.log(4)) == pytest.approx(0.25)


def test_an_oracles_own_distance_from_another_is_no_leak():
    """Made so that values scatter alike around the same mean, as of oracles of two seeds."""
    random = np.random.default_rng(5)
    questions = [f"q{number}" for number in range(200)]
    base = random.uniform(0.2, 0.6, 200)

    def of(shift: float) -> Measured:
        values = np.clip(base + random.normal(shift, 0.05, 200), 0, 1).tolist()
        return Measured(questions, questions, values, questions)

    full, oracle, other, leaking = of(0.4), of(0), of(0), of(0.05)
    assert judge("depth", other, full, oracle).verdict == "no leak found"
    assert judge("depth", leaking, full, oracle).verdict == "leaks beyond the oracle"


def test_a_question_that_is_asked_of_two_authors_is_found_by_its_order():
    assert places(["b", "a", "b"], ["a", "b", "a", "b", "c"]) == [1, 2, 3]
