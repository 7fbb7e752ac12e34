"""open-unlearning's numbers from the items that its own evaluation logged.

Its probabilities were rounded to float32 and its denominators carry 1e-10: agreement to 1e-6.
"""

import json

import pytest

from lethe import metrics
from lethe.analysis.log_scores import read_log, tofu_logs
from lethe.common.errors import LetheError

# The authors' names, and its own for the same number.
NAMES = {
    "Prob. Retain": "retain_Q_A_Prob",
    "ROUGE Retain": "retain_Q_A_ROUGE",
    "Truth Ratio Retain": "retain_Truth_Ratio",
    "Prob. Real Authors": "ra_Q_A_Prob_normalised",
    "ROUGE Real Authors": "ra_Q_A_ROUGE",
    "Truth Ratio Real Authors": "ra_Truth_Ratio",
    "Prob. Real World": "wf_Q_A_Prob_normalised",
    "ROUGE Real World": "wf_Q_A_ROUGE",
    "Truth Ratio Real World": "wf_Truth_Ratio",
    "Prob. Forget": "forget_Q_A_Prob",
    "ROUGE Forget": "forget_Q_A_ROUGE",
    "Truth Ratio Forget": "forget_truth_ratio",
    "Model Utility": "model_utility",
}
SUMMARY = ("forget_Q_A_Prob", "forget_Q_A_ROUGE", "forget_truth_ratio", "model_utility")
ITEMS = {
    ("probability", "forget"): ("forget_Q_A_Prob", "prob"),
    ("probability", "real_authors"): ("ra_Q_A_Prob_normalised", "prob"),
    ("rouge", "forget"): ("forget_Q_A_ROUGE", "rougeL_recall"),
    ("rouge", "retain"): ("retain_Q_A_ROUGE", "rougeL_recall"),
    ("truth_ratio", "forget"): ("forget_truth_ratio", "score"),
    ("truth_ratio", "retain"): ("retain_Truth_Ratio", "score"),
    ("truth_ratio", "world_facts"): ("wf_Truth_Ratio", "score"),
}


@pytest.mark.parametrize("model", ["full", "retain"])
def test_every_number_agrees(evaluation_log, model):
    log = json.loads(evaluation_log(model).read_text())
    summary = json.loads(evaluation_log(model, "TOFU_SUMMARY").read_text())
    got = tofu_logs(evaluation_log(model))
    for name, theirs in NAMES.items():
        assert got[name] == pytest.approx(log[theirs]["agg_value"], rel=1e-6), name
    ours = {theirs: got[name] for name, theirs in NAMES.items()}
    for theirs in SUMMARY:
        assert ours[theirs] == pytest.approx(summary[theirs], rel=1e-6), theirs
    assert [got[f"n {name}"] for name in ("Retain", "Real Authors", "Forget")] == [100, 50, 40]


@pytest.mark.parametrize("model", ["full", "retain"])
@pytest.mark.parametrize(("metric", "name"), ITEMS)
def test_every_item_agrees(evaluation_log, model, metric, name):
    theirs, field = ITEMS[metric, name]
    log = json.loads(evaluation_log(model).read_text())[theirs]["value_by_index"]
    ours = metrics.compute(metric, read_log(evaluation_log(model))).checkpoints[0].items[name]
    assert ours == pytest.approx([item[field] for item in log.values()], rel=1e-6)


def test_forget_quality_agrees(evaluation_log):
    log = json.loads(evaluation_log("full").read_text())
    got = tofu_logs(evaluation_log("full"), evaluation_log("retain"))
    assert got["pvalue"] == pytest.approx(log["forget_quality"]["agg_value"], rel=1e-9)
    assert (got["pairing"], got["n"]) == ("all", [40, 40])


def test_the_question_is_found_in_the_prompt(evaluation_log):
    data = evaluation_log("full").parents[2] / "data" / "forget10_perturbed.json"
    questions = [json.loads(line)["question"] for line in data.read_text().splitlines()]
    assert read_log(evaluation_log("full")).checkpoints[0].sets["forget"].question == questions


def cut(document, metric):
    document[metric]["value_by_index"].pop("7")


FAULTS = {
    "missing": (lambda d: d.pop("ra_Q_A_PERT_Prob"), "1 of the 14 metrics.*ra_Q_A_PERT_Prob"),
    "fewer": (lambda d: cut(d, "forget_Q_A_Prob"), "'forget_Q_A_Prob': its items.*differ in 1"),
    "no items": (lambda d: d["wf_Q_A_Prob"].pop("value_by_index"), "no 'value_by_index'"),
    "null": (lambda d: d["wf_Q_A_Prob"]["value_by_index"].update({"3": None}), "1 of 58 items"),
    "no loss": (
        lambda d: d["retain_Q_A_Prob"]["value_by_index"]["3"].pop("avg_loss"),
        "'answer_loss': 1 of 100 values",
    ),
    "no prompt": (
        lambda d: d["forget_Q_A_ROUGE"]["value_by_index"]["3"].pop("input"),
        "'question': 1 of 40 values",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_log_is_refused_with_a_count(evaluation_log, save, fault):
    spoil, message = FAULTS[fault]
    document = json.loads(evaluation_log("full").read_text())
    spoil(document)
    with pytest.raises(LetheError, match=message):
        tofu_logs(save(document))
