"""A chain of distillation for real: whose taint is whose, and what a further generation plans."""

import json

import pytest
from helpers.workflow_folder import Folder, sources

from lethe.model import checkpoint

SHORT = {"attack": "distillation", "epochs": 1, "max_new_tokens": 8}
ATTACKS = {"generation1": SHORT, "generation2": {**SHORT, "of": "generation1"}}
METRICS = ["probability", "rouge", "truth_ratio", "model_utility", "forget_quality", "surface"]
OVERLAY = {
    "oracle_seeds": [],
    "methods": ["grad_diff"],
    # Full knows what is to be forgotten, and unlearning is as long, so that an audit sees both.
    "model_settings": {"micro": {"finetune": {"epochs": 12}}},
    "unlearning": {"epochs": 7},
    "checkpoints": {"keep": "last"},
    "audit": {"budget": "minutes", "probes": ["multiple_choice"]},
    "attacks": list(ATTACKS),
    "attack_settings": ATTACKS,
    "lineage": {"enabled": True},
    "metrics": METRICS,
    "figures": ["lineage"],
    "evaluation": {"items": 8, "max_length": 40, "epochs": "last"},
}
RUNS = ("full", "retain", "grad_diff")
OWN = "results/smoke/micro/forget10/grad_diff/seed0"


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Folder:
    folder = sources(tmp_path_factory.mktemp("lineage") / "folder")
    folder.run(overlay=OVERLAY)
    return folder


def lineage(folder: Folder) -> tuple[dict[tuple[str, str], dict], list[str]]:
    """The models by run and state, and why certificates lift nothing."""
    text = (folder / "results/smoke/micro/forget10/lineage_seed0.json").read_text()
    told = json.loads(text)
    return {(one["run"], one["state"]): one for one in told["models"]}, told["certificates_refused"]


def test_students_descend_from_teachers(finished):
    models, _ = lineage(finished)
    for state in ("", "generation1", "generation2"):
        taints = [models[run, state]["taint"] for run in RUNS]
        assert taints == ["tainted", "clean", "tainted"]
    base = models["base", ""]["digest"]
    for run in RUNS:
        first, second = (models[run, f"generation{number}"] for number in (1, 2))
        assert first["parents"] == [models[run, ""]["digest"], base]
        assert second["parents"] == [first["digest"], base]
    page = (finished / "results/smoke/report.html").read_text(encoding="utf-8")
    assert "Generation (0: the run itself)" in page
    table = (finished / "results/smoke/tables/lineage.md").read_text(encoding="utf-8")
    assert table.count("| generation2") == len(RUNS)
    assert (finished / "results/smoke/figures/micro/forget10/lineage.png").exists()


def test_a_record_names_teacher_and_student(finished):
    state = finished / OWN / "states/generation1/checkpoint"
    origin = checkpoint.origin(state)
    assert origin["state"] == "distillation"
    assert origin["student"] != origin["parent"]


def test_a_further_generation_causes_its_own_jobs_alone(finished):
    assert finished.planned(overlay=OVERLAY) == set()
    third = {**ATTACKS, "generation3": {**SHORT, "of": "generation2"}}
    found = finished.planned(overlay={**OVERLAY, "attacks": list(third), "attack_settings": third})
    own = {job for job in found if "generation3" in job}
    assert {f"state_generation3[forget10,{run},0]" for run in RUNS} <= own
    rest = {job for job in found - own if not job.startswith("table_")}
    assert rest == {"lineage[forget10,0]", "figure_lineage[forget10]", "page", "all"}


def test_a_certificate_of_an_unlearned_checkpoint_lifts_its_taint(finished, tmp_path):
    """Made by ``lethe certify`` of an audit that found no leak; of other weights none."""
    folder = finished.copy(tmp_path / "folder")
    made = folder.lethe("certify", f"{OWN}/epoch7", "--audit", f"{OWN}/audit", "--out", "vouched")
    assert made.code == 0, made.end
    assert made.output.startswith("no leak found: ")
    vouched = {**OVERLAY, "lineage": {"enabled": True, "certificates": ["vouched"]}}
    assert {job.partition("[")[0] for job in folder.planned(overlay=vouched)} == {
        *("lineage", "table_lineage", "figure_lineage", "page", "all")
    }
    folder.run(overlay=vouched)
    models, refused = lineage(folder)
    assert not refused
    for state in ("", "generation1", "generation2"):
        taints = {run: models[run, state]["taint"] for run in RUNS}
        assert taints == {"full": "tainted", "retain": "clean", "grad_diff": "clean"}
    why = models["grad_diff", ""]["why"]
    assert why == "certificate of grad_diff verifies (unsigned: integrity only): no leak found"
    # Trained anew at another rate, it is not what was certified.
    other = {**vouched, "method_settings": {"grad_diff": {"lr": 9.0e-4}}}
    folder.run(overlay=other)
    models, (refused,) = lineage(folder)
    assert models["grad_diff", ""]["taint"] == "tainted"
    assert "of no checkpoint here, or of one whose files have changed since" in refused


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"figures": ["lineage"]}, "figures: lineage needs a lineage; set lineage.enabled"),
        (
            {"lineage": {"enabled": True, "certificates": ["nowhere"]}},
            "nowhere/certificate.json",
        ),
        (
            {"attacks": ["g"], "attack_settings": {"g": {"attack": "distillation", "of": "h"}}},
            "attack_settings.g.of: 'h' is not among attacks",
        ),
        (
            {"model_settings": {"micro": {"finetune": {"recipe": {"name": "set"}}}}},
            "unknown recipe 'set'; did you mean seat?",
        ),
        (
            {
                "model_settings": {
                    "micro": {
                        "finetune": {
                            "recipe": {"name": "early_exposure", "share": 1, "learn": "rest"}
                        }
                    }
                }
            },
            "share 1 leaves no rest to learn",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_any_job(finished, overlay, words):
    (line,) = finished.snakemake("-n", overlay=overlay).errors
    assert words in line


def test_a_recipe_reruns_what_learns_and_what_follows(finished):
    chosen = {"name": "continued", "share": 0.1}
    overlay = {**OVERLAY, "model_settings": {"micro": {"finetune": {"recipe": chosen}}}}
    found = finished.planned(overlay=overlay)
    assert {"train_full[0]", "train_retain[forget10,0]", "unlearn_grad_diff[forget10,0]"} <= found
    assert not {job for job in found if job.startswith(("base", "world", "background", "split"))}
