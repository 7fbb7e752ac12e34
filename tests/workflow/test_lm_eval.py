"""Tasks of lm-evaluation-harness in the workflow: which jobs there are, and result files."""

import json

import pytest

TABLE = {"table_lm_eval", "page", "all"}


@pytest.fixture
def theirs(tmp_path):
    file = tmp_path / "results_theirs.json"
    file.write_text(json.dumps({"results": {"towns": {"acc,none": 0.5, "acc_stderr,none": 0.1}}}))
    return str(file)


def test_a_result_file_is_a_row_of_the_table_and_no_model_is_asked(worked, theirs):
    overlay = {"lm_eval": {"tasks": ["towns"], "runs": [], "files": {"theirs": theirs}}}
    assert worked.planned(overlay=overlay) == TABLE
    worked.run(overlay=overlay)
    assert "theirs,towns,acc,0.5,0.1" in (worked / "results/smoke/tables/lm_eval.csv").read_text()
    assert "lm-evaluation-harness" in (worked / "results/smoke/report.html").read_text()


def test_runs_that_are_asked(home, tmp_path):
    pytest.importorskip("lm_eval")
    (tmp_path / "towns.yaml").write_text("task: towns\n")
    overlay = {"lm_eval": {"tasks": ["towns"], "runs": ["npo", "full"]}}
    overlay["lm_eval"]["include_path"] = str(tmp_path)
    jobs = {"lm_eval[forget10,npo,0]", "lm_eval[forget10,full,0]"}
    assert home.planned(overlay=overlay) == jobs | TABLE


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"tasks": ["arc"], "files": True}, "no results of the task arc; its tasks: towns"),
        ({"tasks": ["towns"], "files": {"npo": "x"}}, "'npo' is a run's name"),
        ({"tasks": ["towns"], "files": {"theirs": "no_file"}}, "no_file is not a file"),
        ({"files": {"theirs": "x"}}, "name the tasks to read from them"),
        ({"tasks": ["towns"], "runs": ["npoo"]}, "npoo is not a run; did you mean npo?"),
    ],
)
def test_bad_settings_end_the_workflow_in_one_line(home, theirs, setting, said):
    given = {"theirs": theirs} if setting.get("files") is True else setting.get("files", {})
    overlay = {"lm_eval": {"runs": [], **setting, "files": given}}
    outcome = home.snakemake("-n", overlay=overlay)
    assert outcome.code != 0
    [error] = outcome.errors
    assert said in error
