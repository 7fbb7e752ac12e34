"""Logs of published checkpoints as results, which the leaderboard and comparisons read."""

import json
import math
import shutil

import pandas as pd
import pytest
from helpers import made_logs

from lethe.analysis import leaderboard
from lethe.analysis.comparison import Run, compare
from lethe.analysis.log_import import import_logs
from lethe.analysis.log_scores import tofu_logs
from lethe.cli.main import main
from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.evaluate.records import read_records

NPO = "unlearn_tofu_Tiny_forget10_NPO_lr1e-05_beta0.5_alpha1_epoch10"
RUN = "npo_lr1e_05_beta0_5_alpha1_epoch10"


def put(folder, place, loss=0.5, name="eval_log_aggregated.json"):
    file = folder / place / name
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(made_logs.official(items=4, loss=loss)))
    return file


@pytest.fixture
def logs(tmp_path):
    """A full model, its oracle, and a run."""
    folder = tmp_path / "logs"
    put(folder, "tofu_Tiny_full/evals_forget10", 0.125)
    put(folder, "tofu_Tiny_retain90", 3.0)
    put(folder, NPO, 2.0)
    return folder


def test_runs_are_written_with_their_scores(logs, tmp_path):
    table, notes = import_logs(logs, tmp_path / "out")
    assert notes == []
    assert list(table["run"]) == ["full", RUN, "retain"]
    assert set(table["model"]) == {"Tiny"}
    assert set(table["split"]) == {"forget10"}
    npo = table.iloc[1]
    assert (npo["method"], npo["settings.beta"]) == ("npo_retain", 0.5)
    one = tofu_logs(logs / NPO / "eval_log_aggregated.json", oracle_log(logs))
    assert npo["model_utility"] == one["Model Utility"]
    assert npo["forget_probability"] == one["Prob. Forget"]
    assert npo["log10_forget_quality"] == one["log10_pvalue"]
    expected = sum(math.exp(-2.0 - item) for item in range(4)) / 4
    assert npo["forget_probability"] == pytest.approx(expected)
    written = pd.read_csv(tmp_path / "out/logs.csv")
    pd.testing.assert_frame_equal(written, table, check_dtype=False, check_exact=True)


def oracle_log(logs):
    return logs / "tofu_Tiny_retain90/eval_log_aggregated.json"


def test_leaderboard_and_comparison_read_them(logs, tmp_path):
    import_logs(logs, tmp_path / "out")
    entries, refused = leaderboard.gather([tmp_path / "out"])
    assert refused == []
    assert {entry.run for entry in entries} == {"full", RUN, "retain"}
    folder = tmp_path / "out/Tiny/forget10"
    compared = compare(Run(folder / "full/seed0"), Run(folder / RUN / "seed0"), ["probability"])
    forget = compared[compared["name"] == "forget"].iloc[0]
    full = sum(math.exp(-0.125 - item) for item in range(4)) / 4
    npo = sum(math.exp(-2.0 - item) for item in range(4)) / 4
    assert forget["difference"] == pytest.approx(npo - full)


def test_records_have_the_digest_of_their_log(logs, tmp_path):
    import_logs(logs, tmp_path / "out")
    records = read_records(tmp_path / "out/Tiny/forget10" / RUN / "seed0/records/tofu.json")
    assert records.log == sha256(logs / NPO / "eval_log_aggregated.json")


def test_records_without_counts_of_tokens_are_a_logs_alone(logs, tmp_path):
    import_logs(logs, tmp_path / "out")
    path = tmp_path / "out/Tiny/forget10" / RUN / "seed0/records/tofu.json"
    document = json.loads(path.read_text())
    for columns in document["checkpoints"][0]["sets"].values():
        for name in ("answer_tokens", "paraphrase_tokens", "perturbed_tokens"):
            columns.pop(name)
    path.write_text(json.dumps(document))
    assert read_records(path).checkpoints[0].sets["forget"].answer_tokens is None
    for other in ({}, {"log": 3}):
        document.pop("log", None)
        path.write_text(json.dumps(document | other))
        with pytest.raises(LetheError, match=r"'answer_tokens': missing|'log' is a int, not"):
            read_records(path)


def test_without_the_oracles_log_there_is_no_forget_quality(logs, tmp_path):
    shutil.rmtree(logs / "tofu_Tiny_retain90")
    table, notes = import_logs(logs, tmp_path / "out")
    assert "log10_forget_quality" not in table
    assert len(notes) == 2
    assert all("no log of its oracle, so no forget quality" in note for note in notes)


def test_other_logs_are_left_out_with_a_reason(logs, tmp_path):
    put(logs, "mine")
    put(logs, "pos_tofu_Tiny_full_lr1e-05")
    put(logs, "tofu_Other_full")
    broken = put(logs, "tofu_Tiny_retain95")
    broken.write_text("{}")
    table, notes = import_logs(logs, tmp_path / "out")
    assert len(table) == 3
    for words in (
        "mine/eval_log_aggregated.json: in no folder with a published checkpoint's name",
        "pos_tofu_Tiny_full_lr1e-05: a model of open-unlearning's pools",
        "does not say at which split full was evaluated",
        "neither an eval_log_aggregated.json nor a TOFU_EVAL.json",
    ):
        [note] = [note for note in notes if words in note]
        assert note.startswith("left out: ")
        assert "\n" not in note


def test_what_cannot_be_written_rightly_leaves_nothing(logs, tmp_path):
    out = tmp_path / "out"
    put(logs, f"again/{NPO}")
    with pytest.raises(LetheError, match=r"the same run as .*; leave one out"):
        import_logs(logs, out)
    with pytest.raises(LetheError, match="no log of a published checkpoint; it should hold TOFU_"):
        import_logs(empty(tmp_path), out)
    with pytest.raises(LetheError, match="no such folder; name one with logs"):
        import_logs(tmp_path / "absent", out)
    assert not out.exists()
    (out / "mine").mkdir(parents=True)
    with pytest.raises(LetheError, match="not empty; name another folder"):
        import_logs(logs, out)
    assert sorted(tmp_path.iterdir()) == sorted([logs, out, tmp_path / "empty"])


def empty(tmp_path):
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def test_the_command_writes_and_says_what_it_left_out(logs, tmp_path, capsys):
    put(logs, "mine")
    main(["tofu-logs", str(logs), "--out", str(tmp_path / "out")])
    said = capsys.readouterr()
    assert said.out == f"3 runs: {tmp_path / 'out'}/logs.csv\n"
    assert said.err.startswith("left out: ")
    with pytest.raises(SystemExit, match="--oracle, --unpaired: for one log"):
        main(["tofu-logs", str(logs), "--out", str(tmp_path / "more"), "--unpaired"])
    with pytest.raises(SystemExit, match=r"--out: .* is one log, not a folder; leave it out"):
        main(["tofu-logs", str(oracle_log(logs)), "--out", str(tmp_path / "more")])


def test_logs_of_open_unlearning(evaluation_log, tmp_path):
    """Its own logs of a full model and an oracle, in folders named like its checkpoints."""
    for name, model in (("tofu_T_full/evals_forget10", "full"), ("tofu_T_retain90", "retain")):
        file = tmp_path / "logs" / name / "TOFU_EVAL.json"
        file.parent.mkdir(parents=True)
        shutil.copy(evaluation_log(model), file)
    table, notes = import_logs(tmp_path / "logs", tmp_path / "out")
    assert notes == []
    theirs = json.loads(evaluation_log("full").read_text())
    full = table.set_index("run").loc["full"]
    assert 10 ** full["log10_forget_quality"] == pytest.approx(
        theirs["forget_quality"]["agg_value"], rel=1e-9
    )
    assert full["model_utility"] == pytest.approx(theirs["model_utility"]["agg_value"], rel=1e-6)
