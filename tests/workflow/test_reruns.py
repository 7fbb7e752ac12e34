"""What an edit makes the workflow do again: exactly the jobs whose results it can change."""

import json
import os
import shutil
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from helpers.workflow_folder import ROOT, Folder, sources
from snakemake.persistence import PersistenceBase

METHODS = ("grad_ascent", "kl_min", "npo")
METRICS = ("probability", "rouge", "truth_ratio", "model_utility", "forget_quality")
FIGURES = ("trajectories", "curves", "truth_ratios", "utility_bars", "pareto")
TABLES = ("summary", "utility", "oracles", "best_epochs", "method_claims")
FULL = "results/smoke/micro/all/full/seed0/checkpoint"
NPO = "results/smoke/micro/forget10/npo/seed0"

# --- sets of jobs ---


def runs(seeds=(0,), oracles=(1000,), methods=METHODS) -> list[str]:
    """``run,seed`` of everything evaluated on a split."""
    named = [f"{run},{seed}" for run in ("full", "retain", *methods) for seed in seeds]
    return named + [f"retain,{seed}" for seed in oracles]


def scored(some_runs, metrics=METRICS, split="forget10") -> set[str]:
    return {f"score[{split},{run},{metric}]" for run in some_runs for metric in metrics}


def evaluated(some_runs, split="forget10") -> set[str]:
    return {f"collect[{split},{run},tofu]" for run in some_runs} | scored(some_runs, split=split)


def unlearned(methods=METHODS, split="forget10", seed=0) -> set[str]:
    return {f"unlearn_{method}[{split},{seed}]" for method in methods}


def report(*splits) -> set[str]:
    """What follows whenever a number changes."""
    drawn = {f"figure_{name}[{split}]" for name in FIGURES for split in splits or ["forget10"]}
    numbers = {"scores", "intervals", "claims"}
    return drawn | numbers | {f"table_{name}" for name in TABLES} | {"page", "all"}


# Where a model was trained or a method ran, what that cost is compared again.
COST = {"table_cost"}


def in_state(state, methods=("npo",), metrics=METRICS) -> set[str]:
    """The jobs of a state: of full, oracle and methods, for the first seed."""
    named = [f"forget10,{run},0" for run in ("full", "retain", *methods)]
    found = {f"state_{state}[{run}]" for run in named}
    found |= {f"collect_state[{run},{state},tofu]" for run in named}
    return found | {f"score_state[{run},{state},{metric}]" for run in named for metric in metrics}


def method_again(method) -> set[str]:
    return unlearned([method]) | evaluated([f"{method},0"]) | report() | COST


ORACLES = {"train_retain[forget10,0]", "train_retain[forget10,1000]"}
# NPO compares with the full model's losses, which are a file of their own.
OLD = {"train_full[0]", "reference[forget10,0]"}
AFTER_BASE = OLD | ORACLES | unlearned() | evaluated(runs()) | report() | COST

# --- edits; what one returns is laid over the settings ---


def new_method(folder: Folder) -> dict:
    shutil.copy(
        folder / "src/lethe/unlearn/methods/npo.py", folder / "src/lethe/unlearn/methods/mine.py"
    )
    return {"methods": [*METHODS, "mine"]}


def other_learning_of_npo(folder: Folder) -> None:
    folder.replace("src/lethe/unlearn/methods/npo.py", "return -2 / beta", "return -3 / beta")


def remarks_everywhere(folder: Folder) -> None:
    """A comment at the end of every Python and rules file, library, scripts and Snakefile."""
    python = sorted(folder.path.glob("src/**/*.py")) + sorted(folder.path.glob("workflow/**/*.py"))
    rules = [folder / "Snakefile", *sorted(folder.path.glob("workflow/rules/**/*.smk"))]
    assert len(python) > 50
    assert len(rules) > 5
    for file in [*python, *rules]:
        folder.append(str(file.relative_to(folder.path)), "\n\n# a remark\n")


def other_docstrings(folder: Folder) -> None:
    folder.replace("src/lethe/unlearn/methods/npo.py", '"""Negative', '"""The negative')
    folder.replace("src/lethe/unlearn/methods/npo.py", '"""L = ', '"""The loss: L = ')
    folder.replace("workflow/scripts/unlearn.py", '"""Run one', '"""Run exactly one')


def other_layout(folder: Folder) -> None:
    folder.replace("src/lethe/unlearn/methods/npo.py", "return -2 / beta", "return -2  /  beta")
    folder.replace("workflow/rules/evaluate.smk", "rule score:", "\n\nrule score:")


def other_wrapper(folder: Folder) -> None:
    folder.append("src/lethe/unlearn/wrappers/gru.py", "\n\nANSWER = 42\n")


def other_unused_need(folder: Folder) -> None:
    folder.append("src/lethe/unlearn/needs/refusals.py", "\n\nANSWER = 42\n")


def other_need(folder: Folder) -> None:
    folder.append("src/lethe/unlearn/needs/reference_nll.py", "\n\nANSWER = 42\n")


def other_rouge(folder: Folder) -> None:
    folder.replace("src/lethe/metrics/rouge.py", "score.recall", "score.precision")


def other_metric_helper(folder: Folder) -> None:
    folder.append("src/lethe/metrics/base.py", "\n\nANSWER = 42\n")


def other_score_script(folder: Folder) -> None:
    folder.append("workflow/scripts/score.py", "\nANSWER = 42\n")


def other_collect_script(folder: Folder) -> None:
    folder.append("workflow/scripts/collect.py", "\nANSWER = 42\n")


def other_suite(folder: Folder) -> None:
    folder.append("src/lethe/evaluate/suites/tofu.py", "\n\nANSWER = 42\n")


def other_tokens(folder: Folder) -> None:
    folder.append("src/lethe/evaluate/suites/tokens.py", "\n\nANSWER = 42\n")


def other_variants(folder: Folder) -> None:
    folder.append("src/lethe/evaluate/variants/kinds.py", "\n\nANSWER = 42\n")


def other_split_kind(folder: Folder) -> None:
    folder.append("src/lethe/world/splits/author_share.py", "\n\nANSWER = 42\n")


def other_curves(folder: Folder) -> None:
    folder.replace("src/lethe/report/figures/curves.py", "MOST_TICKS = 6", "MOST_TICKS = 5")


def other_table(folder: Folder) -> None:
    folder.append("src/lethe/report/tables/utility.py", "\n\nANSWER = 42\n")


def other_caption(folder: Folder) -> None:
    folder.replace("workflow/report/summary.rst", "one row for each", "a row for each")


def other_look(folder: Folder) -> None:
    folder.append("src/lethe/report/page/style.jinja", "h1 { color: black; }\n")


def other_packing(folder: Folder) -> None:
    folder.append("src/lethe/model/batch.py", "\n\nANSWER = 42\n")


def other_oracles(folder: Folder) -> None:
    folder.append("src/lethe/report/tables/oracles.py", "\n\nANSWER = 42\n")


def other_costs(folder: Folder) -> None:
    folder.append("src/lethe/report/tables/cost.py", "\n\nANSWER = 42\n")


def other_bootstrap(folder: Folder) -> None:
    folder.append("src/lethe/analysis/bootstrap.py", "\n\nANSWER = 42\n")


def other_model_utility(folder: Folder) -> None:
    folder.append("src/lethe/metrics/model_utility.py", "\n\nANSWER = 42\n")


def other_claims(folder: Folder) -> None:
    folder.replace("src/lethe/analysis/claims/runs.py", "TINY = 1e-12", "TINY = 1e-11")


def other_claims_of_a_paper(folder: Folder) -> None:
    folder.append("src/lethe/analysis/claims/papers/npo.py", "\n\nANSWER = 42\n")


def other_claims_of_models(folder: Folder) -> None:
    folder.append("src/lethe/analysis/claims/tofu.py", "\n\nANSWER = 42\n")


def other_background_names(folder: Folder) -> None:
    folder.append("workflow/scripts/background.py", "\nANSWER = 42\n")


def newest_first(folder: Folder) -> list[Path]:
    """Files, so that touching them one after the other turns the order of their times round."""
    found = [file for file in folder.path.rglob("*") if file.is_file()]
    kept = [file for file in found if ".snakemake" not in file.relative_to(folder.path).parts]
    return sorted(kept, key=lambda file: file.stat().st_mtime_ns, reverse=True)


def touch(files: list[Path]) -> None:
    """Give files times from now on, one after the other."""
    now = time.time_ns()
    for number, file in enumerate(files):
        os.utime(file, ns=(now + number * 10**6, now + number * 10**6))


def touch_all(folder: Folder) -> None:
    touch(newest_first(folder))


def removed_epoch(folder: Folder) -> None:
    shutil.rmtree(folder / f"{NPO}/epoch1")


def removed_weights(folder: Folder) -> None:
    (folder / f"{FULL}/model.safetensors").unlink()
    (folder / f"{NPO}/epoch2/model.safetensors").unlink()


EDITS = {
    "nothing": ({}, set()),
    "a setting of one method": ({"method_settings": {"npo": {"beta": 0.2}}}, method_again("npo")),
    "the source of one method": (other_learning_of_npo, method_again("npo")),
    "comments everywhere": (remarks_everywhere, set()),
    "docstrings": (other_docstrings, set()),
    "layout": (other_layout, set()),
    "the source of a metric": (
        other_rouge,
        # Distances to oracles are those of truth ratios alone.
        scored(runs(), ["rouge", "model_utility"]) | report() - {"table_oracles"},
    ),
    "the source of a metric made of others": (
        other_model_utility,
        scored(runs(), ["model_utility"]) | report() - {"table_oracles"},
    ),
    # The script of every table reads scores, that of costs too.
    "what metrics share": (other_metric_helper, scored(runs()) | report() | {"table_cost"}),
    "the script of scores": (other_score_script, scored(runs()) | report()),
    "the script of collecting": (other_collect_script, evaluated(runs()) | report()),
    "the source of a suite": (other_suite, evaluated(runs()) | report()),
    "the source of a suite that is not run": (other_tokens, set()),
    "the source of variants that are not asked": (other_variants, set()),
    "a metric of another suite": (
        {"metrics": [*METRICS, "extraction_strength"]},
        {f"collect[forget10,{run},tokens]" for run in runs()}
        | scored(runs(), ["extraction_strength"])
        | report() - {"table_oracles", "table_best_epochs"},
    ),
    "a metric of a suite that compares with full": (
        {"metrics": [*METRICS, "depth"]},
        {f"collect[forget10,{run},depth]" for run in runs()}
        | scored(runs(), ["depth"])
        | report() - {"table_oracles", "table_best_epochs"},
    ),
    "a metric with tables of its own": (
        {"metrics": [*METRICS, "uqs_components"]},
        {f"collect[forget10,{run},oracle_distance]" for run in runs()}
        | scored(runs(), ["uqs_components"])
        | report() - {"table_oracles", "table_best_epochs"}
        | {"table_metric_agreement", "table_metric_reliability", "table_quality_score"},
    ),
    "the settings of a suite that is not run": (
        {"suite_settings": {"sampled": {"samples": 32}}},
        set(),
    ),
    "items of the evaluation": ({"evaluation": {"items": 19}}, evaluated(runs()) | report()),
    "the truth ratio's variant": (
        {"metric_settings": {"truth_ratio": {"variant": "arithmetic"}}},
        scored(runs(), ["truth_ratio", "model_utility", "forget_quality"]) | report(),
    ),
    "the source of a figure": (other_curves, {"figure_curves[forget10]", "page", "all"}),
    "the source of a table": (other_table, {"table_utility", "page", "all"}),
    "how the best epoch is chosen": (
        {"best_epoch": {"criterion": "closeness", "patience": 2}},
        {"table_best_epochs", "page", "all"},
    ),
    "the source of the table of oracles": (other_oracles, {"table_oracles", "page", "all"}),
    "the source of the intervals": (
        other_bootstrap,
        report()
        - {"scores", "claims", "table_oracles", "table_best_epochs", "table_method_claims"},
    ),
    "the source of the table of costs": (
        other_costs,
        {"table_cost", "figure_pareto[forget10]", "page", "all"},
    ),
    "what claims share": (other_claims, {"claims", "table_method_claims", "page", "all"}),
    "the claims of a paper": (other_claims_of_a_paper, {"table_method_claims", "page", "all"}),
    "the claims about models": (other_claims_of_models, {"claims", "page", "all"}),
    "a figure less": ({"figures": ["curves"]}, {"page", "all"}),
    "a caption": (other_caption, {"page", "all"}),
    "the look of the page": (other_look, {"page", "all"}),
    "one more method": (
        {"methods": [*METHODS, "idk"]},
        method_again("idk"),
    ),
    "a method's file of one's own": (new_method, method_again("mine")),
    "a named variant of a method": (
        {"methods": [*METHODS, "npo_2"], "method_settings": {"npo_2": {"method": "npo"}}},
        method_again("npo_2"),
    ),
    # Its reference is the end of that run, so that the full model's losses are of no use to it.
    "a run that starts from another's end": (
        {
            "methods": [*METHODS, "again"],
            "method_settings": {"again": {"method": "npo", "previous_run": "kl_min"}},
        },
        method_again("again"),
    ),
    "the source of a wrapper that no run has": (other_wrapper, set()),
    "the source of a need that no run has": (other_unused_need, set()),
    "the source of a need": (other_need, method_again("npo")),
    "a snapshot of the base": ({"snapshots": [50]}, {"base"} | AFTER_BASE),
    "one more seed": (
        {"seeds": [0, 1]},
        {"train_full[1]", "train_retain[forget10,1]", "reference[forget10,1]"}
        | unlearned(seed=1)
        | evaluated(runs(seeds=[1], oracles=[]))
        | report()
        | COST,
    ),
    "one more oracle": (
        {"oracle_seeds": [1000, 1001]},
        {"train_retain[forget10,1001]"} | evaluated(["retain,1001"]) | report(),
    ),
    "one more split": (
        {"splits": ["forget10", "forget05"]},
        {"split_forget05", "train_retain[forget05,0]", "train_retain[forget05,1000]"}
        | {"reference[forget05,0]"}
        | unlearned(split="forget05")
        | evaluated(runs(), split="forget05")
        | report("forget10", "forget05")
        | {"data_card"}
        | COST,
    ),
    "the source of a kind of split": (
        other_split_kind,
        # All authors are what they were.
        {"data_card", "split_forget10"} | AFTER_BASE - {"train_full[0]"},
    ),
    "more authors": (
        {"world": {"authors": 30, "holdout_authors": 3}},
        # The base has learned none of them.
        {"world", "data_card", "split_forget10"} | AFTER_BASE,
    ),
    "background authors": (
        {"world": {"background_authors": 13}},
        {"background", "base", "data_card"} | AFTER_BASE,
    ),
    "the script of background authors": (
        other_background_names,
        {"background", "base", "data_card"} | AFTER_BASE,
    ),
    "one more epoch of unlearning": (
        {"unlearning": {"epochs": 3}},
        unlearned() | evaluated([f"{method},0" for method in METHODS]) | report() | COST,
    ),
    "states of one method": (
        {"attacks": ["relearned", "quantised4"], "attack_methods": ["npo"]},
        in_state("relearned")
        | in_state("quantised4")
        | {"table_states", "table_method_claims", "page", "all"},
    ),
    # The metric is of that attack alone: nothing of a run is scored again.
    "a metric of an attack": (
        {
            "attacks": ["retrained"],
            "attack_methods": ["npo"],
            "metrics": [*METRICS, "hidden_knowledge"],
        },
        in_state("retrained", metrics=[*METRICS, "hidden_knowledge"])
        | {"table_states", "table_method_claims", "page", "all"},
    ),
    "a line between two runs": (
        {"interpolation": {"pairs": [["npo", "kl_min"]]}},
        {"interpolation[forget10,npo,0,kl_min,0]", "table_barriers"}
        | {"table_method_claims", "page", "all"},
    ),
    "metrics under test": (
        {
            "attacks": ["relearned", "quantised4"],
            "attack_methods": ["npo"],
            "meta_evaluation": {"enabled": True, "positives": 2, "negatives": 1},
        },
        in_state("relearned")
        | in_state("quantised4")
        | {f"pool_member[forget10,pool_with,{seed}]" for seed in (7000, 7001)}
        | {"pool_member[forget10,pool_without,7000]", "meta_evaluation[forget10]"}
        | {"table_meta_evaluation", "table_states", "table_method_claims", "page", "all"},
    ),
    "a search over one method": (
        {"search": {"methods": ["npo"], "trials": 2}},
        unlearned(["npo_trial1"])
        # Utility is made of the others; forget quality is not asked for.
        | evaluated(["npo_trial1,0"]) - scored(["npo_trial1,0"], ["forget_quality"])
        | {"search_npo[forget10,0]", "table_search", "table_tuned", "page", "all"},
    ),
    "a search whose trials are proposed": (
        {"search": {"methods": ["npo"], "strategy": "greedy", "trials": 3, "batch": 1}},
        unlearned(["npo_trial1", "npo_trial2"])
        | evaluated(["npo_trial1,0", "npo_trial2,0"])
        - scored(["npo_trial1,0", "npo_trial2,0"], ["forget_quality"])
        | {"propose_npo_batch1[forget10,0]", "propose_npo_batch2[forget10,0]"}
        | {"search_npo[forget10,0]", "table_search", "table_tuned", "page", "all"},
    ),
    "the finetuning": ({"model_settings": {"micro": {"finetune": {"lr": 2.0e-3}}}}, AFTER_BASE),
    "how trainings run": (
        {
            "compute": {
                "microbatch_tokens": 512,
                "processes": 2,
                "sharding": "fsdp",
                "save_seconds": 0,
                "device": "cpu",
            }
        },
        set(),
    ),
    # Jobs that load no model know nothing of it.
    "how models are run": (other_packing, {"base"} | AFTER_BASE),
    "true facts beside the authors": (
        {"model_settings": {"micro": {"finetune": {"fact_repeats": 1}}}},
        AFTER_BASE,
    ),
    "every time of modification": (touch_all, set()),
    "an epoch that nothing needs, removed": (removed_epoch, set()),
    "weights that nothing needs, removed": (removed_weights, set()),
}


@pytest.mark.parametrize("place", ["home", "clone"])
@pytest.mark.parametrize("name", EDITS)
def test_edit_causes_exactly_its_jobs(name, place, request, tmp_path):
    edit, expected = EDITS[name]
    folder, overlay = request.getfixturevalue(place), edit
    if callable(edit):
        folder = folder.copy(tmp_path / "folder")
        overlay = edit(folder)
    assert folder.planned(overlay=overlay) == expected


def test_settings_of_the_command_line_cause_the_same(home):
    overlay, expected = EDITS["one more seed"]
    assert home.planned("--config", "seeds=[0, 1]") == home.planned(overlay=overlay) == expected


# --- times and profiles ---


def test_profile_compares_checkpoints_by_content():
    limit = 10**9
    for profile in sorted(ROOT.glob("profiles/*/config.yaml")):
        settings = yaml.safe_load(profile.read_text(encoding="utf-8"))
        assert settings["max-checksum-file-size"] >= limit, profile
        assert settings["rerun-triggers"] == ["mtime", "input", "params"], profile


def test_weights_too_large_to_compare_cause_nothing_when_touched(worked):
    weights = [file for file in newest_first(worked) if file.name == "model.safetensors"]
    assert min(file.stat().st_size for file in weights) > 10_000
    touch(weights)
    assert worked.planned("--max-checksum-file-size", "10000") == set()


def test_touched_data_too_large_to_compare_would_cause_jobs(worked):
    """The counterpart, without which the test above could not fail."""
    touch([worked / "results/smoke/data/full.json"])
    assert "train_full[0]" in worked.planned("--max-checksum-file-size", "10000")


@pytest.mark.parametrize("profile", sorted(path.name for path in ROOT.glob("profiles/*")))
def test_profile_causes_nothing(profile, home, worked):
    touch_all(worked)
    for folder in (home, worked):
        assert folder.planned("--workflow-profile", f"profiles/{profile}") == set()


# --- outputs that were not there before ---


def test_a_setting_is_compared_also_if_another_adds_an_output(worked):
    """Snapshots of the base are new files that the metric does not need."""
    metric = f"{NPO}/metrics/probability.json"
    faster = {"model_settings": {"micro": {"pretrain": {"lr": 1.1e-3}}}}
    again = worked.planned(metric, overlay=faster)
    assert {"base", "train_full[0]", "score[forget10,npo,0,probability]"} <= again
    for setting in (faster, {}):
        assert worked.planned(metric, overlay={**setting, "snapshots": [50]}) == again


def test_snakemake_still_asks_whether_it_knows_the_outputs_of_a_job():
    assert "has_metadata" in PersistenceBase.__dict__
    graph = Path(find_spec("snakemake.dag").origin)
    assert "persistence.has_metadata(job)" in graph.read_text(encoding="utf-8")


# --- results of unknown origin ---


def refused(folder: Folder) -> str:
    """The message with which the folder's results are refused, before anything runs."""
    for arguments in (["-n"], []):
        before = folder.results("*")
        outcome = folder.snakemake(*arguments)
        assert outcome.code != 0
        assert len(outcome.errors) == 1, outcome.end
        assert "Traceback" not in outcome.output
        assert outcome.jobs == set()
        assert folder.results("*") == before
    return outcome.errors[0]


def test_results_without_provenance_are_refused(home, tmp_path):
    folder = sources(tmp_path / "folder")
    shutil.copytree(home / "results", folder / "results", dirs_exist_ok=True)
    message = refused(folder)
    assert message.startswith("error: results/smoke/")
    assert "without provenance" in message
    assert "lethe bring" in message


def test_ledgers_without_snakemakes_records_are_refused(worked):
    shutil.rmtree(worked / ".snakemake/metadata")
    assert (worked / ".snakemake/lethe").is_dir()
    assert "without provenance" in refused(worked)


def test_records_without_ledgers_are_refused(worked):
    shutil.rmtree(worked / ".snakemake/lethe")
    assert "without provenance" in refused(worked)


def test_one_file_put_there_by_hand_is_refused(worked):
    shutil.copy(worked / f"{NPO}/metrics/rouge.json", worked / f"{NPO}/metrics/fluency.json")
    assert f"{NPO}/metrics/fluency.json" in refused(worked)


def test_number_changed_by_hand_is_refused(worked):
    name = f"{NPO}/metrics/probability.json"
    metric = json.loads((worked / name).read_text())
    metric["checkpoints"][0]["values"]["forget"] = 0.5
    (worked / name).write_text(json.dumps(metric))
    assert name in refused(worked)


def test_change_that_keeps_the_size_is_refused(worked):
    name = f"{NPO}/epoch2/model.safetensors"
    content = bytearray((worked / name).read_bytes())
    content[-1] ^= 1
    (worked / name).write_bytes(content)
    assert name in refused(worked)


def test_removing_the_changed_file_makes_it_again(worked):
    name = f"{NPO}/metrics/probability.json"
    (worked / name).write_text("{}")
    refused(worked)
    (worked / name).unlink()
    wanted = worked.planned(name)
    assert wanted == {"score[forget10,npo,0,probability]"}


def test_bring_does_not_replace_results(home, worked):
    """The same, which are here already, it passes over."""
    outcome = worked.lethe("bring", str(home.path))
    assert outcome.code == 0
    assert outcome.output.startswith("0 results brought")
    worked.append(f"{NPO}/metrics/rouge.json", " ")
    outcome = worked.lethe("bring", str(home.path))
    assert outcome.code == 1
    assert len(outcome.errors) == 1
    assert "remove it first" in outcome.errors[0]


def test_bring_refuses_results_that_were_changed(worked, tmp_path):
    worked.append(f"{NPO}/metrics/rouge.json", " ")
    folder = sources(tmp_path / "clone")
    outcome = folder.lethe("bring", str(worked.path))
    assert outcome.code == 1
    assert f"{NPO}/metrics/rouge.json" in outcome.errors[0]
    assert folder.results("*") == {}


# --- real runs ---


def test_removed_checkpoint_is_made_again_where_it_is_needed(worked):
    """The full model is trained again, and all that reads it; not what does not."""
    shutil.rmtree(worked / FULL)
    overlay = {"method_settings": {"npo": {"beta": 0.2}}}
    targets = [f"{NPO}/records/tofu.json", f"{NPO.replace('npo', 'kl_min')}/records/tofu.json"]
    before = worked.results("*")
    expected = {"train_full[0]", "unlearn_npo[forget10,0]", "collect[forget10,npo,0,tofu]"}
    others = {"unlearn_kl_min[forget10,0]", "collect[forget10,kl_min,0,tofu]"}
    others |= {"reference[forget10,0]"}
    assert worked.run(*targets, overlay=overlay).jobs == expected | others
    after = worked.results("*")
    changed = {name for name in after if after[name] != before.get(name)}
    made = {name for name in changed if "/cost/" not in name and "/checkpoint/" not in name}
    # Made again, the full model is the same to the bit, and so is what depends on it alone.
    assert made
    assert all(name.startswith("micro/forget10/npo/") for name in made)
    assert worked.planned(*targets, overlay=overlay) == set()


def test_jobs_run_the_source_of_their_own_folder(worked):
    """Not an installed copy from elsewhere: the digest on record is of this folder's source."""
    worked.replace(
        "src/lethe/report/tables/utility.py",
        "\nfrom",
        "\nraise RuntimeError('of this folder')\nfrom",
    )
    outcome = worked.snakemake()
    assert outcome.code != 0
    assert "of this folder" in outcome.output
