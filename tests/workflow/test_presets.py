"""Presets of real models: the whole graph of each is planned, without hub and weights."""

import re

import pytest
from helpers.workflow_folder import ROOT, Folder, sources

from lethe.analysis.claims import papers
from lethe.analysis.claims.paper_check import paper_claims
from lethe.analysis.claims.verdict import ENOUGH
from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import configuration
from lethe.pipeline.estimate import Assumed, plan
from lethe.pipeline.gpu_speed import GPUS
from lethe.unlearn import methods as known

SPLITS = ("forget01", "forget05", "forget10")
TOFU = ("grad_ascent", "grad_diff", "idk", "kl_min")
OPEN = ("grad_ascent", "grad_diff", "dpo", "npo_retain", "simnpo", "rmu")
# Preset: its methods, its suites, whether full and oracles are trained, whether the base is asked.
PRESETS = {
    "phi": (TOFU, ["tofu"], True, True),
    "llama2": (TOFU, ["tofu"], True, True),
    "llama32_1b": (OPEN, ["tofu", "tokens"], False, False),
    "llama32_3b": (OPEN, ["tofu", "tokens"], False, False),
    "llama31_8b": (OPEN, ["tofu", "tokens"], False, False),
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Folder:
    """A clone in which nothing has run. Planning leaves it so."""
    return sources(tmp_path_factory.mktemp("fresh"))


@pytest.mark.parametrize("name", PRESETS)
def test_the_whole_graph_of_a_preset_is_planned(name, fresh):
    methods, suites, trained, base = PRESETS[name]
    jobs = fresh.planned(preset=f"config/{name}.yaml")
    runs = [*methods, "full", "retain", *(["base"] if base else [])]
    assert {job for job in jobs if job.startswith("collect")} == {
        f"collect[{split},{run},0,{suite}]" for split in SPLITS for run in runs for suite in suites
    }
    assert {job for job in jobs if job.startswith("unlearn")} == {
        f"unlearn_{method}[{split},0]" for split in SPLITS for method in methods
    }
    assert {job for job in jobs if job.startswith("train")} == (
        {"train_full[0]", *(f"train_retain[{split},0]" for split in SPLITS)} if trained else set()
    )
    assert not {"base", "import_base"} & jobs
    assert {"scores", "claims", "table_summary", "data_card", "all"} <= jobs
    the_plan_counts_what_the_graph_has(name, jobs)


def test_the_preset_of_all_methods_is_planned_whole(fresh):
    """Among them methods that act once, without epochs."""
    jobs = fresh.planned(preset="config/methods.yaml")
    assert {f"unlearn_{name}[forget10,0]" for name in known.for_causal()} <= jobs
    the_plan_counts_what_the_graph_has("methods", jobs)


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("partial", "same_author_retain"),
        ("shared_facts", "same_author_retain"),
        ("entailed", "deep_unlearning"),
        ("behaviour", "behaviour"),
        ("defences", "defences"),
        ("shares", "summary"),
    ],
)
def test_presets_of_further_splits_are_planned_whole(name, table, fresh):
    jobs = fresh.planned(preset=f"config/{name}.yaml")
    assert f"table_{table}" in jobs
    the_plan_counts_what_the_graph_has(name, jobs)


def test_the_preset_of_requests_is_planned_whole(fresh):
    jobs = fresh.planned(preset="config/requests.yaml")
    config = configuration(["config/requests.yaml"])
    for name in config.requests.methods:
        assert f"unlearn_last_request_{name}[request4,0]" in jobs
    assert {"table_requests", "figure_requests[requests]"} <= jobs
    the_plan_counts_what_the_graph_has("requests", jobs)


# --- claims ---

SUBJECTS = sorted({papers.contract(name).subject for name in papers.names()})


@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_subject_of_claims_has_a_preset_with_five_seeds_of_its_own(subject):
    config = configuration([f"config/claims/{subject}.yaml"])
    check(config)
    assert config.world.name == f"claims_{subject}"
    assert len(config.seeds) == ENOUGH
    # Not the default's, on which settings were tuned.
    assert config.world.seed != 0
    assert 0 not in config.seeds


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_subjects_preset_has_the_runs_of_its_claims_and_no_others(subject):
    config = configuration([f"config/claims/{subject}.yaml"])
    claims = [one.claim for one in paper_claims() if one.subject == subject and one.claim.measure]
    needed = {run for claim in claims for run in claim.runs} - {"full", "retain"}
    if config.evaluation.base:
        needed -= {"base"}
    # What the claims about models compare.
    assert needed <= set(config.methods) <= needed | {"grad_ascent", "npo"}
    for claim in claims:
        assert set(claim.splits or config.splits) & set(config.splits), claim.text


def test_one_command_runs_all_subjects():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^SUBJECTS \?= (.+)$", makefile, re.MULTILINE)
    assert sorted(listed.split()) == SUBJECTS
    files = (ROOT / "config/claims").iterdir()
    assert sorted(file.name for file in files) == [f"{subject}.yaml" for subject in SUBJECTS]


def test_the_graph_of_a_preset_of_claims_is_planned(fresh):
    jobs = fresh.planned("all", "claims_revision", preset="config/claims/npo_shares.yaml")
    assert {job for job in jobs if job.startswith("unlearn")} == {
        f"unlearn_{method}[{split},{seed}]"
        for method in ("grad_ascent", "grad_diff", "npo", "npo_retain")
        for split in ("forget20", "forget30", "forget50")
        for seed in range(631, 636)
    }
    assert {"claims", "table_method_claims", "claims_revision"} <= jobs
    # The shipped base is shared by all seeds.
    assert "shipped_base" in jobs


def the_plan_counts_what_the_graph_has(name: str, jobs: set[str]) -> None:
    (told,) = plan(configuration([f"config/{name}.yaml"]), Assumed(GPUS["a100"]))
    kinds = {kind: 0 for kind in told.jobs}
    for job in jobs:
        kind = job.partition("[")[0]
        kind = next((name for name in ("unlearn", "defend") if kind.startswith(f"{name}_")), kind)
        if kind in kinds:
            kinds[kind] += 1
    assert told.jobs == kinds
