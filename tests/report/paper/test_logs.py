"""Logs of the official repository: found by their folders' names, and held against the paper."""

import json

import pytest
from helpers.shared_data import shared_folder

from lethe.analysis.intervals import by_place
from lethe.analysis.log_scores import read_log
from lethe.common.errors import LetheError
from lethe.report.paper import log_scores, logs
from lethe.report.paper.evaluations import Evaluations
from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.paper.exhibits import logs_ks, logs_utility


def place(folder, *names, text="{}"):
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / logs.FILE).write_text(text)
    return folder


@pytest.fixture(scope="module")
def llama2():
    return logs.entries(logs.find(shared_folder("oracle", "llama2")))


@pytest.fixture(scope="module")
def compared(llama2):
    return logs_ks.build(ExhibitData(evaluations=Evaluations(llama2, read=read_log)))


# --- finding logs ---


def test_names_say_model_run_and_split(tmp_path):
    place(tmp_path, "full_wd0", "retain95_wd0.01", "phi_retain90_wd0", "pretrained", "phi_random")
    found = {(log.family, log.decay, log.run, log.split) for log in logs.find(tmp_path)}
    assert found == {
        ("llama2", "wd0", "full", None),
        ("llama2", "wd0.01", "retain", "forget05"),
        ("phi", "wd0", "retain", "forget10"),
        ("llama2", None, "base", None),
        ("phi", None, "random", None),
    }


def test_the_repositorys_own_names_are_understood(tmp_path):
    inner = "eval_results/ds_size300"
    place(
        tmp_path,
        f"ft_epoch5_lr1e-05_llama2-7b_retain99_wd0/{inner}",
        f"ft_epoch5_lr2e-05_phi_full_wd0.01/{inner}",
    )
    found = [(log.family, log.decay, log.run, log.split) for log in logs.find(tmp_path)]
    assert found == [("llama2", "wd0", "retain", "forget01"), ("phi", "wd0.01", "full", None)]


def test_what_was_not_tuned_belongs_to_every_weight_decay(tmp_path):
    place(tmp_path, "full_wd0", "full_wd0.01", "pretrained", "phi_full_wd0")
    models = [(e["model"], e["run"]) for e in logs.entries(logs.find(tmp_path))]
    assert models.count(("llama2 wd0", "base")) == 1
    assert models.count(("llama2 wd0.01", "base")) == 1
    assert ("phi wd0", "base") not in models


BAD = {
    "no folder": (None, "no folder at .*; name one that holds"),
    "empty": ([], "no eval_log_aggregated.json in the subfolders of .*full_wd0"),
    "another name": (["grad_ascent_wd0"], "grad_ascent_wd0 does not name a run"),
    "no weight decay": (["full"], "full does not name a run; name the folder like full_wd0"),
    "twice": (["full_wd0", "llama2_full_wd0"], "of the same run as .*; keep one of them"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_folders_are_one_line(name, tmp_path):
    names, message = BAD[name]
    folder = tmp_path / "nowhere" if names is None else place(tmp_path, *names)
    with pytest.raises(LetheError, match=message) as error:
        logs.check(folder)
    assert "\n" not in str(error.value)


def test_a_log_without_a_set_is_refused_before_any_job(tmp_path):
    source = shared_folder("oracle", "llama2") / "full_wd0" / logs.FILE
    log = json.loads(source.read_text())
    del log["eval_log_forget.json"]
    place(tmp_path, "full_wd0", text=json.dumps(log))
    with pytest.raises(LetheError, match=r"full_wd0.*1 of the 4 sets are missing"):
        logs.check(tmp_path)


def test_no_logs_are_no_fault():
    logs.check(None)


# --- beside the printed values ---


@pytest.mark.parametrize(
    ("p", "printed", "verdict"),
    [
        (1.0966e-19, "1.10E-19", "agree"),
        (1.0966e-19, "1.097E-19", "agree"),
        (1.0966e-19, "1.098E-19", "differ"),
        (0.9704671, "0.9705", "agree"),
        (0.98996, "0.9900", "agree"),
        (0.97, "2.42E-66", "differ"),
        (None, "0.9003", "not computable"),
        (0.5, None, "not printed"),
    ],
)
def test_agreement_is_to_the_printed_digits(p, printed, verdict):
    assert logs_ks.verdict(p, printed) == verdict


def test_every_printed_value_has_its_cell():
    printed = json.loads(logs_ks.PRINTED.read_text())
    keys = {cell.key for cell in logs_ks.cells(logs_ks.PRINTED_OF)}
    assert keys == printed.keys() - {"source"}
    assert len(keys) == 27


def test_llama2_logs_agree_in_three_of_twelve(compared):
    printed = compared[compared["printed"] != ""]
    assert printed["verdict"].value_counts().to_dict() == {
        "not computable": 15,
        "differ": 9,
        "agree": 3,
    }
    agree = printed[printed["verdict"] == "agree"]
    assert agree["printed"].tolist() == ["0.9705", "0.9705", "1.10E-19"]
    assert agree["p"].tolist() == pytest.approx([0.970467, 0.970467, 1.0966243e-19], rel=1e-5)
    assert agree["n"].tolist() == ["300"] * 3


def test_what_cannot_be_computed_says_why(compared):
    missing = compared[compared["verdict"] == "not computable"]
    assert missing["p"].isna().all()
    assert set(missing["why"]) == {
        "no evaluation of llama2 wd0 base",
        "no evaluation of llama2 wd0 random",
        "no evaluation of phi wd0 retain90",
        "no question in common",
    }


def test_few_common_items_are_said(compared):
    row = compared[(compared["first"] == "retain95") & (compared["second"] == "full")]
    row = row[(row["data"] == "forget") & (row["models"] == "llama2 wd0")]
    assert row["n"].tolist() == ["100"]


def test_values_are_those_of_the_authors_own_functions(compared):
    file = shared_folder("oracle") / "expected_llama2.json"
    expected = json.loads(file.read_text())["models"]["llama2"]["forget_quality"]
    rows = compared[(compared["second"] == "full") & (compared["data"] == "forget")]
    rows = rows[(rows["exhibit"] == "Table 4") & rows["p"].notna()]
    found = {
        f"full_vs_{row.first}_{row.models.split()[1]}": (row.p, row.statistic)
        for row in rows.itertuples()
    }
    theirs = {
        name.removesuffix("_common100"): (
            values["aggregate"]["pvalue"],
            values["aggregate"]["statistic"],
        )
        for name, values in expected.items()
    }
    assert found.keys() == theirs.keys()
    for name, values in theirs.items():
        assert found[name] == pytest.approx(values, rel=1e-9)


def test_no_printed_number_enters_a_computation(compared, llama2, tmp_path, monkeypatch):
    """Other printed values: other verdicts, the same numbers."""
    printed = json.loads(logs_ks.PRINTED.read_text())
    other = tmp_path / "printed.json"
    other.write_text(json.dumps(dict.fromkeys(printed, "0.5")))
    monkeypatch.setattr(logs_ks, "PRINTED", other)
    again = logs_ks.build(ExhibitData(evaluations=Evaluations(llama2, read=read_log)))
    numbers = ["n", "statistic", "p", "why"]
    assert again[numbers].equals(compared[numbers])
    assert "agree" not in set(again["verdict"])


def test_table_ends_with_a_count(compared):
    last = logs_ks.markdown(compared).strip().splitlines()[-1]
    assert last == "Of 27 printed values: 3 agree, 9 differ, 15 not computable."


def test_utility_of_logs_is_the_official_one(llama2):
    two = [e for e in llama2 if e["model"] == "llama2 wd0" and e["split"] in (None, "forget10")]
    scores, ends = log_scores.build(two, "geometric")
    table = logs_utility.build(ExhibitData(scores=scores, intervals=by_place(ends)))
    row = table[(table["model"] == "llama2 wd0") & (table["split"] == "forget10")]
    by_run = dict(zip(row["run"], row["model_utility"], strict=True))
    assert by_run == {
        "full": pytest.approx(0.6268, abs=5e-5),
        "retain": pytest.approx(0.6203, abs=5e-5),
    }
    assert (table["model_utility_low"] < table["model_utility"]).all()
    assert (table["model_utility"] < table["model_utility_high"]).all()
    # The finetuned log's forget items are of one split only: no number of theirs is claimed.
    assert "forget" not in set(scores["name"])
