"""``lethe evaluate --oracle`` with what an oracle answered before, in place of its checkpoint."""

import json
import shutil

import pytest

from lethe import metrics
from lethe.cli import main as cli
from lethe.common.files import read_rows, write_json, write_rows
from lethe.evaluate.collect import collect, read_set
from lethe.evaluate.records import read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.evaluate.suite import contract as suite_contract
from lethe.metrics.base import read_metric
from lethe.model import checkpoint

SIZES = {"forget10_perturbed": 6, "retain_perturbed": 3, "holdout10": 3}
SIZES |= {"real_authors_perturbed": 2, "world_facts_perturbed": 2, "forget10": 6}
ASKED = ("--metrics", "forget_quality", "recovery", "privleak", "membership_reference")
LIMITS = Limits(512, 24)


@pytest.fixture(scope="module")
def data(parity, tmp_path_factory):
    """A folder with a few rows of each file."""
    folder = tmp_path_factory.mktemp("data")
    for name, count in SIZES.items():
        write_rows(folder / f"{name}.json", read_rows(parity / "data" / f"{name}.json")[:count])
    return folder


@pytest.fixture(scope="module")
def oracle(parity, data, tmp_path_factory):
    """A run's folder with the records of the oracle, and metric files made from them."""
    folder = tmp_path_factory.mktemp("oracle")
    template = {"name": "chat", "system": "You are a helpful assistant."}
    source = parity / "models/retain"
    parts = {"forget_perturbed": "forget10_perturbed", "forget": "forget10"}
    parts |= {"holdout": "holdout10"}
    for suite in ("tofu", "tokens"):
        files = suite_contract(suite).files(parts)
        rows = {name: read_set(data / f"{file}.json") for name, file in files.items()}
        made = collect(suite, [source], rows, template=template, limits=LIMITS)
        write_records(folder / f"records/{suite}.json", made)
    for name in ("truth_ratio", "membership_min_k", "membership_loss"):
        records = folder / f"records/{metrics.contract(name).suite}.json"
        metrics.score(name, records, {}, {}, {}, folder / f"metrics/{name}.json")
    return folder


@pytest.fixture
def run(parity, data, tmp_path, capsys):
    """Evaluate the full model of ``parity``; its document as text, and what is printed."""

    def run(oracle, *arguments, folder=data, asked=ASKED, source=parity / "models/full"):
        out = tmp_path / "out.json"
        base = ["evaluate", str(source), "--data", str(folder), "--split", "forget10"]
        named = ["--oracle", str(oracle)] if oracle is not None else []
        limit = ["--max-new-tokens", "24"]
        try:
            cli.main([*base, *named, "--out", str(out), *limit, *asked, *arguments])
        except SystemExit as error:
            assert not out.exists()
            return str(error.code), ""
        text = out.read_text()
        out.unlink()
        return text, capsys.readouterr().out

    return run


def test_records_give_the_bytes_of_the_checkpoint(run, parity, oracle, monkeypatch):
    by_checkpoint, _ = run(parity / "models/retain")
    loaded, load = [], checkpoint.load
    monkeypatch.setattr(
        checkpoint,
        "load",
        lambda source, *a, **k: loaded.append(str(source)) or load(source, *a, **k),
    )
    for place in (oracle, f"{oracle}/records/"):
        by_records, _ = run(place)
        assert by_records == by_checkpoint.replace(str(parity / "models/retain"), str(place))
    assert set(loaded) == {str(parity / "models/full")}


def test_metric_files_give_the_bytes_of_the_checkpoint(run, parity, oracle):
    """All but ``recovery``, which reads the oracle's answers."""
    asked = (*ASKED[:2], *ASKED[3:])
    by_checkpoint, _ = run(parity / "models/retain", asked=asked)
    by_files, _ = run(oracle / "metrics", asked=asked)
    assert by_files == by_checkpoint.replace(str(parity / "models/retain"), f"{oracle}/metrics")
    refused, _ = run(oracle / "metrics", asked=("--metrics", "recovery"))
    assert "metrics has no records of suite 'tofu'; name the oracle's checkpoint" in refused


def test_an_evaluation_of_the_oracle_serves_as_one(run, parity, oracle, tmp_path):
    asked = ("--metrics", "forget_quality")
    own = ("--metrics", "truth_ratio", "rouge")
    evaluated, _ = run(None, asked=own, source=parity / "models/retain")
    file = tmp_path / "of_oracle.json"
    file.write_text(evaluated)
    by_checkpoint, _ = run(parity / "models/retain", asked=asked)
    by_file, _ = run(file, asked=asked)
    assert by_file == by_checkpoint.replace(str(parity / "models/retain"), str(file))
    refused, _ = run(file, "--max-length", "300", asked=asked)
    assert "the oracle was asked with limits" in refused


def test_a_finished_log_serves_as_oracle(run, parity, caplog):
    """Open-unlearning's own log of the oracle, of all its rows: forget quality to its rounding."""
    asked = ("--metrics", "forget_quality")
    log, whole = parity / "evals/retain/TOFU_EVAL.json", parity / "data"
    by_log, _ = run(log, asked=asked, folder=whole)
    by_checkpoint, _ = run(parity / "models/retain", asked=asked, folder=whole)
    found, wanted = (
        json.loads(text)["metrics"]["forget_quality"]["values"] for text in (by_log, by_checkpoint)
    )
    assert found == pytest.approx(wanted, rel=1e-6)
    assert "does not say its template, limits, dtype; taken as here" in caplog.text
    refused, _ = run(log, "--items", "5", asked=asked, folder=whole)
    assert "TOFU_EVAL.json: set 'forget': 40 items of the oracle, 5 of the data" in refused
    refused, _ = run(log, asked=("--metrics", "privleak"), folder=whole)
    assert "has neither records of suite 'tokens' nor a file of membership_min_k" in refused


def changed(data, tmp_path, name, change):
    """A copy of the data with one file's rows changed."""
    folder = tmp_path / "changed"
    shutil.copytree(data, folder)
    for file in (name, name.removesuffix("_perturbed")):
        if (folder / f"{file}.json").exists():
            rows = read_rows(folder / f"{file}.json")
            write_rows(folder / f"{file}.json", change(rows))
    return folder


def renamed(rows):
    return [rows[0] | {"question": "Who else?"}, *rows[1:]]


def longer(rows):
    """The second wrong answer, whose text is in no record."""
    if "perturbed_answer" not in rows[0]:
        return rows
    first, second, *others = rows[0]["perturbed_answer"]
    return [rows[0] | {"perturbed_answer": [first, f"{second} Yes.", *others]}, *rows[1:]]


def reworded(rows):
    first = rows[0]
    if "perturbed_answer" not in first:
        return rows
    wrong = [first["perturbed_answer"][1], first["perturbed_answer"][0]]
    return [first | {"perturbed_answer": [*wrong, *first["perturbed_answer"][2:]]}, *rows[1:]]


@pytest.mark.parametrize("place", ["records", "metrics"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (renamed, "set 'forget': 1 of the data's 6 questions are not the oracle's"),
        (lambda rows: rows[::-1], "set 'forget': its questions have another order than the data's"),
        (lambda rows: rows[:4], "set 'forget': 6 items of the oracle, 4 of the data; evaluate"),
    ],
)
def test_other_rows_are_refused_before_a_model_is_loaded(
    run, data, oracle, tmp_path, monkeypatch, place, change, message
):
    monkeypatch.setattr(checkpoint, "load", None)
    folder = changed(data, tmp_path, "forget10_perturbed", change)
    refused, _ = run(oracle / place, folder=folder, asked=("--metrics", "forget_quality"))
    assert message in refused
    assert refused.startswith("error: ")
    assert "\n" not in refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (longer, "its texts have other numbers of tokens: another tokenizer, template or length"),
        (reworded, "its rows or its suite's settings differ (column wrong_answer)"),
    ],
)
def test_what_the_questions_do_not_show_is_refused_too(
    run, data, oracle, tmp_path, change, message
):
    folder = changed(data, tmp_path, "forget10_perturbed", change)
    refused, _ = run(oracle, folder=folder, asked=("--metrics", "forget_quality"))
    assert f"tofu.json: set 'forget': {message}" in refused


def test_another_tokenizer_is_refused_before_a_model_is_loaded(run, oracle, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "load", None)
    folder = tmp_path / "oracle"
    shutil.copytree(oracle, folder)
    document = json.loads((folder / "records/tofu.json").read_text())
    document["checkpoints"][0]["sets"]["forget"]["answer_tokens"][0] += 1
    write_json(folder / "records/tofu.json", document)
    refused, _ = run(folder, asked=("--metrics", "forget_quality"))
    assert "set 'forget': its texts have other numbers of tokens" in refused


def test_other_numbers_of_tokens_are_refused(run, oracle, tmp_path):
    """Of ``tokens``, the suite whose items have a value for each token."""
    folder = tmp_path / "oracle"
    shutil.copytree(oracle, folder)
    file = folder / "records/tokens.json"
    document = json.loads(file.read_text())
    forget = document["checkpoints"][0]["sets"]["forget"]
    for column in ("token_logprob", "token_match", "token_zscore"):
        if column in forget:
            forget[column][0] = forget[column][0][:-1]
    write_json(file, document)
    refused, _ = run(folder, asked=("--metrics", "privleak"))
    assert "other numbers of tokens" in refused
    assert "(column token_logprob)" in refused


def test_another_setting_or_set_is_refused(run, oracle, tmp_path):
    asked = ("--metrics", "forget_quality", "--set", "truth_ratio.variant=arithmetic")
    refused, _ = run(oracle / "metrics", asked=asked)
    assert "truth_ratio.json: made with variant geometric, here it is arithmetic" in refused
    made, _ = run(oracle / "records", asked=asked)
    assert '"forget_quality"' in made
    folder = tmp_path / "oracle"
    shutil.copytree(oracle, folder)
    document = json.loads((folder / "records/tofu.json").read_text())
    document["checkpoints"][0]["epoch"] = 5
    write_json(folder / "records/tofu.json", document)
    refused, _ = run(folder)
    assert "tofu.json: epoch 5 of an unlearned model; name an oracle, which has none" in refused


def test_suites_with_settings_and_weights_need_the_checkpoint(run, oracle):
    refused, _ = run(oracle, asked=("--metrics", "leak"))
    assert "metric 'leak': " in refused
    assert "has no records of suite 'sampled'" in refused
    asked = ("--metrics", "hidden_knowledge", "--attack", "retraining_on_part")
    refused, _ = run(oracle, asked=asked)
    assert "needs the oracle after the attack as well" in refused


def test_records_of_another_role_are_refused(run, oracle, tmp_path):
    folder = tmp_path / "full"
    shutil.copytree(oracle, folder)
    origin = {"stage": "train_full", "parent": None, "template": "chat"}
    write_json(folder / "checkpoint/checkpoint.json", {"files": {"a": "0" * 64}, "origin": origin})
    refused, _ = run(folder)
    assert "is the full model, which learned the forget set" in refused
    origin["stage"] = "train_retain"
    write_json(folder / "checkpoint/checkpoint.json", {"files": {"a": "0" * 64}, "origin": origin})
    refused, _ = run(folder / "records")
    assert "the oracle was asked with template" in refused


def test_other_files_are_no_oracle(run, data, tmp_path):
    write_json(tmp_path / "other.json", {"a": 1})
    refused, _ = run(tmp_path / "other.json")
    assert "neither an eval_log_aggregated.json nor a TOFU_EVAL.json" in refused
    refused, _ = run(tmp_path)
    assert "no weights as safetensors" in refused


def test_the_files_of_the_fixture_are_read_back(oracle):
    """What the tests above hold against each other is of six forget items."""
    records = read_records(oracle / "records/tofu.json")
    assert len(records.checkpoints[0].sets["forget"]) == 6
    file = read_metric(oracle / "metrics/truth_ratio.json", "truth_ratio")
    assert len(file.checkpoints[0].items["forget"]) == 6
