"""What the names of open-unlearning's published checkpoints say."""

import pytest

from lethe.common.errors import LetheError
from lethe.evaluate.logs import checkpoint_names
from lethe.evaluate.logs.checkpoint_names import TRAINERS, CheckpointName
from lethe.unlearn import methods

MODEL = "Llama-3.2-1B-Instruct"
BEFORE = f"unlearn_tofu_{MODEL}_forget10_"


@pytest.mark.parametrize(
    ("name", "split", "run"),
    [
        (f"tofu_{MODEL}_full", None, "full"),
        (f"tofu_{MODEL}_retain90", "forget10", "retain"),
        (f"tofu_{MODEL}_retain99", "forget01", "retain"),
    ],
)
def test_trained_models(name, split, run):
    assert checkpoint_names.read(name) == CheckpointName(MODEL, split, run)


@pytest.mark.parametrize(
    ("rest", "method", "settings"),
    [
        (
            "NPO_lr1e-05_beta0.5_alpha1_epoch10",
            "npo_retain",
            {"lr": 1e-5, "beta": 0.5, "retain_weight": 1, "epochs": 10},
        ),
        (
            "SimNPO_lr5e-05_b4.5_a1_d0_g0.125_ep5",
            "simnpo",
            {"lr": 5e-5, "beta": 4.5, "retain_weight": 1, "delta": 0, "forget_weight": 0.125}
            | {"epochs": 5},
        ),
        (
            "RMU_lr2e-05_layer10_scoeff100_epoch5",
            "rmu",
            {"lr": 2e-5, "layer": 10, "steering": 100, "epochs": 5},
        ),
        (
            "UNDIAL_lr0.0001_beta30_alpha2_epoch10",
            "undial",
            {"lr": 1e-4, "beta": 30, "retain_weight": 2, "epochs": 10},
        ),
        ("IdkNLL_lr4e-05_alpha5_epoch10", "idk", {"lr": 4e-5, "retain_weight": 5, "epochs": 10}),
        (
            "GradDiff_lr1e-05_alpha10_epoch10",
            "grad_diff",
            {"lr": 1e-5, "retain_weight": 10, "epochs": 10},
        ),
    ],
)
def test_unlearned_models(rest, method, settings):
    name = checkpoint_names.read(BEFORE + rest)
    assert (name.model, name.split, name.method) == (MODEL, "forget10", method)
    assert name.settings == settings
    # The settings are such that the method has.
    methods.load(method).settings_class(**settings)


def test_runs_have_names_of_their_own_that_results_may_have():
    rests = ["NPO_lr1e-05_beta0.5_alpha1_epoch10", "NPO_lr1e-05_beta0.05_alpha1_epoch10"]
    runs = [checkpoint_names.read(BEFORE + rest).run for rest in rests]
    assert runs == ["npo_lr1e_05_beta0_5_alpha1_epoch10", "npo_lr1e_05_beta0_05_alpha1_epoch10"]


def test_every_trainer_is_a_method_with_these_settings():
    for method, keys in TRAINERS.values():
        known = methods.load(method).settings_class.model_fields
        assert set(keys.values()) <= set(known), method


@pytest.mark.parametrize("name", ["checkpoint", "", f"tofu_{MODEL}", f"muse_{MODEL}_full"])
def test_other_names_say_nothing(name):
    assert checkpoint_names.read(name) is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"pos_tofu_{MODEL}_full_lr3e-05_wd0.01_epoch10", "of open-unlearning's pools, not a run"),
        (f"neg_tofu_{MODEL}_retain90_forget10_pert_lr1e-05", "pools, not a run; leave it out"),
        (BEFORE + "Mine_lr1e-05", "trainer Mine is not known; there are AltPO, GradDiff, "),
        (BEFORE + "NPO_gamma2", "'gamma2' is no setting of NPO known here"),
        (BEFORE + "NPO_final", "'final' is no setting of NPO known here"),
        (BEFORE + "NPO_lr1x", "'1x' is no number"),
    ],
)
def test_names_that_cannot_be_read_rightly_are_refused(name, message):
    with pytest.raises(LetheError, match=message):
        checkpoint_names.read(name)
