"""``lethe audit`` as a user meets it: the two files, the verdicts, what is refused in one line."""

import json
import re

import pytest

from lethe.analysis.audit import probe as probes
from lethe.analysis.audit.plan import AuditRequest
from lethe.cli import main as cli
from lethe.common.files import read_rows, sha256, write_rows
from lethe.evaluate.roles import of_other_data
from lethe.report.audit import about
from lethe.unlearn.saved_supervision import save_supervision

FILES = ("forget10", "forget10_perturbed", "retain_perturbed", "holdout10")
QUICK = ("multiple_choice", "membership")


@pytest.fixture(scope="module")
def data(parity, tmp_path_factory):
    """The first rows of some data files."""
    folder = tmp_path_factory.mktemp("data")
    for name in FILES:
        write_rows(folder / f"{name}.json", read_rows(parity / "data" / f"{name}.json")[:8])
    return folder


@pytest.fixture
def run(parity, data, tmp_path, capsys):
    """Audit a model of ``parity``; returns the document, what was printed, or the message."""
    models, out = parity / "models", tmp_path / "out"

    def run(*arguments, own="full", full="full", oracle="retain", on=None):
        asked = ["audit", str(models / own), "--out", str(out), *map(str, arguments)]
        asked += on or ["--data", str(data), "--split", "forget10"]
        asked += ["--full", str(models / full)] if full else []
        asked += ["--oracle", str(models / oracle)] if oracle else []
        try:
            cli.main(asked)
        except SystemExit as error:
            assert not list(out.glob("*")), "a file was left"
            return str(error.code)
        return json.loads((out / "audit.json").read_text()), capsys.readouterr().out

    run.out = out
    return run


def test_the_whole_battery_writes_both_files(run):
    asked = ("--set", "leak.samples=3", "--set", "leak.k=2", "--set", "relearning.steps=2")
    found, printed = run(*asked)
    assert set(found["probes"]) | set(found["not_run"]) == set(probes.names())
    assert {
        "leak",
        "multiple_choice",
        "abstention",
        "membership",
        "relearning",
        "quantization",
    } <= (set(found["probes"]))
    for name, one in found["probes"].items():
        assert f"{name}\t{one['verdict']}\t" in printed
        assert set(one["values"]) == {"checkpoint", "full", "oracle"}
        # The checkpoint is the full model: both were asked the same.
        assert one["items"]["checkpoint"] == one["items"]["full"]
        assert one["beyond"] == one["full_beyond_oracle"]
        assert one["questions"] == len(one["items"]["question"]) <= 8
        assert one["examples"][0]["oracle"]["said"] is not None
    assert found["about"]["budget"] == "minutes"
    assert found["probes"]["leak"]["settings"]["samples"] == 3
    page = (run.out / "audit.html").read_text()
    assert found["verdict"]["verdict"] in page
    assert str(run.out / "audit.html") in printed
    assert not re.search("forgotten", found["verdict"]["verdict"])


def test_the_same_request_gives_the_same_bytes(run):
    asked = ("--probes", "leak", "relearning", "--set", "leak.samples=2", "--set", "leak.k=1")
    run(*asked)
    first = [(run.out / name).read_bytes() for name in ("audit.json", "audit.html")]
    run(*asked)
    assert [(run.out / name).read_bytes() for name in ("audit.json", "audit.html")] == first


def test_without_an_oracle_probes_that_need_one_are_left_out(run):
    message = run("--probes", "relearning", oracle=None)
    assert message == "error: probe 'relearning': it needs an oracle; name one"
    found, _ = run("--probes", *QUICK, oracle=None)
    assert found["verdict"]["verdict"] in ("leaks", "cannot be told")
    assert set(found["conduct"]) == {"checkpoint", "full"}


def test_a_saved_supervision_takes_the_place_of_data_and_split(run, data, tmp_path):
    rows = {
        "forget": read_rows(data / "forget10.json"),
        "retain": read_rows(data / "forget10.json"),
    }
    save_supervision(tmp_path / "own", rows)
    on = ["--supervision", str(tmp_path / "own")]
    found, printed = run("--set", "leak.samples=2", "--set", "leak.k=1", on=on)
    assert found["not_run"]["membership"] == "the data have no rows of holdout"
    assert "no wrong answer" in found["not_run"]["multiple_choice"]
    assert "membership: not run, " in printed
    assert found["probes"]["abstention"]["questions"] > 0
    assert found["about"]["supervision"] == str(tmp_path / "own")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--budget", "day"), "--budget: unknown 'day'; there are all, hour, minutes"),
        (("--probes", "leek"), "--probes: unknown probe 'leek'; did you mean leak?"),
        (("--set", "leak=1"), "--set: 'leak=1' is not PROBE.KEY=VALUE"),
        (("--set", "leak.k=17"), "metric 'leak': k is 17, but suite 'sampled' has samples 16"),
        (("--set", "leak.nli=/no/such"), "nli: /no/such: no config.json; name a folder"),
        (("--set", "leak.deep=1"), "probe 'leak': unknown setting 'deep'"),
        (("--set", "abstention.phrases=|"), "probe 'abstention': phrases has no phrase"),
        (("--supervision", "/no/such"), "supervision: data and a split were given too"),
        (("--compute", "lora.rank=8"), "--compute lora: an audit chooses it itself"),
        (("--template", "gpt"), "template: unknown name 'gpt'"),
        (("--device", "cuda:9"), "cuda:9, but torch finds no GPU"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line(run, arguments, message, monkeypatch):
    from lethe.model import checkpoint

    monkeypatch.setattr(checkpoint, "load", None)
    found = run(*arguments)
    assert found.startswith("error: ")
    assert message in found
    assert "\n" not in found


@pytest.mark.parametrize(
    ("on", "message"),
    [
        ([], "--data: give a folder of data and a split, or a saved supervision"),
        (["--data", "/no/such", "--split", "forget10"], "/no/such: no such folder"),
        (["--supervision", "/no/such"], "/no/such: no such folder; name one with forget.json"),
    ],
)
def test_data_are_checked_before_a_model_is_loaded(run, on, message, monkeypatch):
    from lethe.model import checkpoint

    monkeypatch.setattr(checkpoint, "load", None)
    assert message in run(on=on or ["--seed", "0"])


def test_checkpoints_are_looked_at_before_work(run, monkeypatch):
    from lethe.model import checkpoint

    monkeypatch.setattr(checkpoint, "load", None)
    assert "no such checkpoint" in run(oracle="absent")
    assert "is also given for --full" in run(full="full", oracle="full")


def test_data_that_do_not_belong_together_are_refused(run, data, tmp_path):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for name in FILES:
        write_rows(mixed / f"{name}.json", read_rows(data / f"{name}.json"))
    rows = read_rows(mixed / "forget10.json")
    rows[1]["answer"] += " indeed"
    write_rows(mixed / "forget10.json", rows)
    message = run(on=["--data", str(mixed), "--split", "forget10"])
    assert "forget10_perturbed.json: 1 of its 8 questions with answers are not in" in message


def test_data_that_no_checkpoint_learned_are_told(tmp_path):
    write_rows(tmp_path / "full.json", [{"question": "q", "answer": "a"}])
    own = sha256(tmp_path / "full.json")
    for number, (origin, other) in enumerate(
        [({"data": own}, False), ({"data": "0"}, True), ({"forget": "0"}, True), ({}, False)]
    ):
        made = tmp_path / str(number)
        made.mkdir()
        record = {"files": {"config.json": "0"}, "origin": origin}
        (made / "checkpoint.json").write_text(json.dumps(record))
        asked = AuditRequest(str(made), data=str(tmp_path), split="forget10")
        foreign = [str(made)] if other else []
        assert of_other_data([str(made), None], tmp_path) == foreign
        # Readers of the files are told, too.
        assert about(asked).get("learned_other_data", []) == foreign


def test_a_failure_leaves_an_earlier_audit_as_it_was(run, monkeypatch):
    run("--probes", *QUICK)
    before = (run.out / "audit.json").read_bytes()
    from lethe.report import audit_files

    monkeypatch.setattr(audit_files, "audit_html", lambda made: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(
            ["audit", json.loads(before)["about"]["checkpoint"], "--out", str(run.out)]
            + ["--probes", *QUICK]
            + [
                part
                for key in ("data", "split", "full", "oracle")
                for part in (f"--{key}", json.loads(before)["about"][key])
            ]
        )
    assert (run.out / "audit.json").read_bytes() == before
    assert {file.name for file in run.out.iterdir()} == {"audit.json", "audit.html"}


def test_an_audit_can_be_certified_and_verified(run, parity, data, tmp_path, capsys):
    run("--probes", *QUICK)
    own, out = parity / "models" / "full", tmp_path / "certificate"
    cli.main(["certify", str(own), "--audit", str(run.out), "--out", str(out)])
    assert "unsigned: integrity only" in capsys.readouterr().out
    named = ["--full", str(own), "--oracle", str(parity / "models" / "retain")]
    named += ["--data", str(data), "--split", "forget10"]
    cli.main(["verify", str(out), "--checkpoint", str(own), *named])
    told = capsys.readouterr().out.splitlines()
    assert "data of forget\tholds" in told
    assert "verdict, computed again from the values by question\tholds" in told
    assert [line for line in told if "\tfails" in line] == []
