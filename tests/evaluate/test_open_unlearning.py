"""open-unlearning's evaluation of two tiny models, item by item, through ``lethe evaluate``.

Tolerances are those of its own rounding (helpers.open_unlearning).
"""

import json

import numpy as np
import pytest
from helpers.open_unlearning import ATTACKS, ITS_METRICS, LOSS, SETS

from lethe.cli import main as cli


@pytest.fixture(scope="module", params=["full", "retain"])
def pair(request, parity, tmp_path_factory):
    """What we and open-unlearning find of one model; its oracle is the retain model."""
    name, out = request.param, tmp_path_factory.mktemp("parity") / "out.json"
    arguments = ["evaluate", str(parity / "models" / name), "--data", str(parity / "data")]
    arguments += ["--split", "forget10", "--oracle", str(parity / "models/retain")]
    for setting in ITS_METRICS:
        arguments += ["--set", setting]
    cli.main([*arguments, "--out", str(out)])
    wanted = json.loads((parity / "evals" / name / "TOFU_EVAL.json").read_text())
    return name, json.loads(out.read_text())["metrics"], wanted


def theirs(entry: dict, field: str) -> np.ndarray:
    return np.array([item[field] for item in entry["value_by_index"].values()], dtype=float)


def near(values, rel=1e-4, absolute=0.0):
    return pytest.approx(np.asarray(values), rel=rel, abs=absolute)


@pytest.mark.parametrize("name", SETS)
def test_items_of_the_four_sets(pair, name):
    _, ours, wanted = pair
    prefix = SETS[name]
    rouge = ours["rouge"]["items"][name]
    assert rouge == near(theirs(wanted[f"{prefix}_Q_A_ROUGE"], "rougeL_recall"))
    ratio = wanted["forget_truth_ratio" if name == "forget" else f"{prefix}_Truth_Ratio"]
    assert ours["truth_ratio"]["items"][name] == near(theirs(ratio, "score"))
    kind = "Q_A_Prob" if name in ("forget", "retain") else "Q_A_Prob_normalised"
    assert ours["probability"]["items"][name] == near(theirs(wanted[f"{prefix}_{kind}"], "prob"))


def test_losses(pair):
    _, ours, wanted = pair
    losses = -np.log(ours["probability"]["items"]["forget"])
    assert losses == near(theirs(wanted["forget_Q_A_Prob"], "avg_loss"), 0, LOSS)
    attack = ours["membership_loss"]["items"]
    for name in ("forget", "holdout"):
        assert attack[name] == near(theirs(wanted["mia_loss"][name], "score"), 0, LOSS)


def test_memorisation(pair):
    _, ours, wanted = pair
    for metric in ("extraction_strength", "exact_memorization"):
        assert ours[metric]["items"]["forget"] == near(theirs(wanted[metric], "score"), 1e-6)
    paraphrased = ours["paraphrased_probability"]["items"]["forget"]
    assert paraphrased == near(theirs(wanted["forget_Q_A_PARA_Prob"], "prob"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks(pair, attack):
    model, ours, wanted = pair
    entry = wanted[ATTACKS[attack]]
    # Bytes divide the loss, so they divide its error.
    absolute = LOSS / 10 if attack == "membership_zlib" else LOSS
    for name in ("forget", "holdout"):
        scores = theirs(entry[name], "score")
        assert ours[attack]["items"][name] == near(scores, 1e-4, absolute)
    # One pair that changes its order within the error is 1/1600.
    assert ours[attack]["values"]["auc"] == pytest.approx(entry["auc"], abs=1 / 1600)
    if (model, attack) == ("retain", "membership_reference"):
        assert ours[attack]["values"]["auc"] == 0.5


def test_numbers_of_the_summary(pair):
    model, ours, wanted = pair
    values = {
        "model_utility": ours["model_utility"]["values"]["model_utility"],
        "forget_truth_ratio": ours["forget_truth_ratio"]["values"]["geometric_closer"],
        "forget_Q_A_Prob": ours["probability"]["values"]["forget"],
        "forget_Q_A_ROUGE": ours["rouge"]["values"]["forget"],
        # It had no oracle's log for the oracle itself.
        "privleak": ours["privleak"]["values"]["privleak" if model == "full" else "against_chance"],
    }
    for name, value in values.items():
        assert value == pytest.approx(wanted[name]["agg_value"], rel=1e-5), name
    quality = ours["forget_quality"]["values"]["forget_quality"]
    assert quality == (1 if model == "retain" else pytest.approx(5.015146695395365e-07))


def test_every_generation_is_the_same(parity, pair):
    from lethe.common.files import read_rows
    from lethe.evaluate.evaluation import Evaluation
    from lethe.evaluate.suite import Limits
    from lethe.model import checkpoint
    from lethe.model.checkpoint import CUSTOMARY
    from lethe.model.encoder import Encoder

    name, _, wanted = pair
    model, tokenizer = checkpoint.load(parity / "models" / name)
    rows = {key: read_rows(parity / "data" / f"{file}_perturbed.json") for key, file in FILES}
    limits = Limits(512, 200)
    found = Evaluation("tofu", Encoder(tokenizer, CUSTOMARY, 512), rows, limits)(model)
    for key, prefix in SETS.items():
        expected = [
            item["generation"] for item in wanted[f"{prefix}_Q_A_ROUGE"]["value_by_index"].values()
        ]
        assert found.sets[key].generation == expected


FILES = [("forget", "forget10"), *((name, name) for name in list(SETS)[1:])]
