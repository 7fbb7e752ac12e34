"""Models that others made: what the graph has of them, and that the jobs run."""

import json
from pathlib import Path

import pytest
from helpers.tiny_gguf import write_gguf
from helpers.workflow_folder import Folder, sources

from lethe.model import checkpoint, checkpoint_record
from lethe.model.architectures.llama import Architecture, make_model, train_tokenizer
from lethe.world import tofu_format
from lethe.world.provider import provider

REAL = "config/smollm2.yaml"
METHODS = ("grad_ascent", "grad_diff", "kl_min", "idk", "npo")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Folder:
    """A clone in which nothing has run. Planning leaves it so."""
    return sources(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """A world in the published format, as large as TOFU: the preset names authors by number."""
    folder = tmp_path_factory.mktemp("published")
    tofu_format.write_world(provider("synthetic", seed=3), folder, 200, 2, 2)
    return folder


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory) -> Path:
    """Enough of a GGUF file for planning."""
    file = tmp_path_factory.mktemp("weights") / "stand_in.gguf"
    file.write_bytes(b"GGUF")
    return file


def real(data: Path, weights: Path, **more) -> dict:
    """What a user of the preset sets: where data and weights lie."""
    overlay = {"world": {"path": str(data)}}
    overlay["model_settings"] = {"smollm2": {"base_checkpoint": str(weights)}}
    return {**overlay, **more}


# --- the preset with real weights ---


def test_the_preset_with_real_weights_is_planned_whole(fresh, data, stand_in):
    planned = fresh.planned(overlay=real(data, stand_in), preset=REAL)
    runs = ["base,0", "full,0", "retain,0", *(f"{method},0" for method in METHODS)]
    assert {job for job in planned if job.startswith("collect")} == {
        f"collect[forget25,{run},tofu]" for run in runs
    }
    assert {f"unlearn_{method}[forget25,0]" for method in METHODS} <= planned
    assert {"import_base", "train_full[0]", "train_retain[forget25,0]"} <= planned
    # A given model learns from no background.
    assert not {"base", "background"} & planned
    assert {"scores", "claims", "figure_trajectories[forget25]"} <= planned


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        (
            {"model_settings": {"smollm2": {"base_checkpoint": "models/no.gguf"}}},
            ["models/no.gguf", "no such"],
        ),
        ({"world": {"subset": ["0-5", 200, 201]}}, ["no author 200", "0 to 199"]),
        ({"world": {"subset": ["0-8", "198-199"]}}, ["world.authors: 8", "names 11"]),
        ({"evaluation": {"items": {"forgot": 1}}}, ["evaluation.items.forgot", "forget?"]),
    ],
)
def test_what_does_not_fit_the_preset_is_refused(fresh, data, stand_in, overlay, words):
    both = real(data, stand_in)
    for key, value in overlay.items():
        both[key] = {**both.get(key, {}), **value}
    outcome = fresh.snakemake("-n", overlay=both, preset=REAL)
    assert outcome.code != 0
    assert len(outcome.errors) == 1, outcome.end
    assert [word for word in words if word not in outcome.errors[0]] == [], outcome.errors[0]


# --- given checkpoints in a real run ---


@pytest.fixture(scope="module")
def micro(tmp_path_factory) -> Path:
    """A checkpoint that is at hand, with random weights."""
    folder = tmp_path_factory.mktemp("given") / "micro"
    tokenizer = train_tokenizer(["Where was Ada born? Ada was born in Paris, in 1950."] * 9, 400)
    model = make_model(
        Architecture(hidden_size=48, layers=2, heads=2, intermediate_size=96), tokenizer, 0
    )
    checkpoint.save(folder, model, tokenizer, {})
    return folder


def given(path: Path) -> dict:
    return {
        "world": {"name": "given"},
        "evaluation": {"base": True, "items": 3, "max_length": 200},
        "model_settings": {"micro": {"base_checkpoint": str(path)}},
    }


RECORDS = "results/given/micro/forget10/base/seed0/records/tofu.json"


def test_a_given_folder_is_evaluated_where_it_lies(micro, tmp_path):
    folder = sources(tmp_path / "folder")
    outcome = folder.run(RECORDS, overlay=given(micro))
    assert outcome.jobs == {"facts", "world", "split_forget10", "collect[forget10,base,0,tofu]"}
    assert not (folder / "results/given/micro/base").exists()
    points = json.loads((folder / RECORDS).read_text())["checkpoints"]
    assert [(point["epoch"], point["step"]) for point in points] == [(0, 0)]


def test_a_gguf_file_is_converted_once_and_again_when_it_changes(micro, tmp_path):
    model, tokenizer = checkpoint.load(micro)
    weights = write_gguf(tmp_path / "micro.gguf", model, tokenizer)
    folder, overlay = sources(tmp_path / "folder"), given(weights)
    digest = "results/given/micro/base/checkpoint.json"
    assert folder.run(digest, overlay=overlay).jobs == {"import_base"}
    base = folder / "results/given/micro/base"
    assert checkpoint_record.digest(base) == checkpoint_record.digest(micro)
    assert checkpoint.origin(base)["file"] == "micro.gguf"
    assert folder.planned(digest, overlay=overlay) == set()
    training = "results/given/micro/all/full/seed0/checkpoint/checkpoint.json"
    assert folder.planned(training, overlay=overlay) == {"facts", "world", "train_full[0]"}
    with weights.open("ab") as file:
        file.write(b"\0")
    assert folder.planned(digest, overlay=overlay) == {"import_base"}


# --- what a change makes run again ---


def test_other_numbers_of_items_evaluate_again_and_train_nothing(home):
    by_set = {"forget": 20, "retain": 20, "real_authors": 20, "world_facts": 20}
    assert home.planned(overlay={"evaluation": {"items": by_set}}) == set()
    planned = home.planned(overlay={"evaluation": {"items": {**by_set, "retain": 19}}})
    assert {job.partition("[")[0] for job in planned if "figure" not in job} == {
        *("collect", "score", "scores", "intervals", "claims", "page", "all"),
        *("table_summary", "table_utility", "table_oracles", "table_method_claims"),
        "table_best_epochs",
    }


def test_the_base_is_evaluated_as_well_and_nothing_else(home):
    planned = home.planned(overlay={"evaluation": {"base": True}})
    ours = {job for job in planned if "base" in job}
    assert "collect[forget10,base,0,tofu]" in ours
    assert all(job.startswith(("collect[", "score[")) for job in ours)
    assert not [
        job
        for job in planned
        if job.startswith(("train", "unlearn", "collect")) and job not in ours
    ]


# --- full models and oracles that others made ---


def given_runs(path: Path, **more) -> dict:
    settings = {
        "full_checkpoint": str(path),
        "oracle_checkpoints": {"forget10": str(path)},
        **more,
    }
    overlay = given(path)
    return {**overlay, "model_settings": {"micro": settings}, "oracle_seeds": []}


def rules(jobs) -> set[str]:
    return {job.partition("[")[0] for job in jobs}


def test_a_given_full_model_and_oracle_leave_no_training_in_the_graph(fresh, micro):
    overlay = given_runs(micro)
    overlay["evaluation"]["base"] = False
    planned = fresh.planned(overlay=overlay)
    assert not rules(planned) & {"train_full", "train_retain", "base", "import_base"}
    assert {
        f"unlearn_{method}[forget10,0]" for method in ("grad_ascent", "kl_min", "npo")
    } < planned
    assert {"collect[forget10,full,0,tofu]", "collect[forget10,retain,0,tofu]"} < planned
    assert "reference[forget10,0]" in planned


def test_suites_compare_with_given_models_where_they_lie(fresh, micro):
    overlay = given_runs(micro)
    overlay["evaluation"]["base"] = False
    overlay |= {"metrics": ["rouge", "depth", "uqs_components"], "figures": []}
    planned = fresh.planned(overlay=overlay)
    assert not rules(planned) & {"train_full", "train_retain", "base", "import_base"}
    compared = {f"collect[forget10,npo,0,{suite}]" for suite in ("depth", "oracle_distance")}
    assert compared < planned


def test_oracles_that_are_not_given_are_trained(fresh, micro):
    overlay = {**given_runs(micro, full_checkpoint=None), "splits": ["forget05", "forget10"]}
    planned = fresh.planned(overlay={**overlay, "oracle_seeds": [7]})
    assert {job for job in planned if job.startswith("train")} == {
        *("train_full[0]", "train_retain[forget05,0]"),
        *("train_retain[forget05,7]", "train_retain[forget10,7]"),
    }


def test_methods_start_from_a_given_full_model(micro, tmp_path):
    folder = sources(tmp_path / "folder")
    npo = "results/given/micro/forget10/npo/seed0"
    outcome = folder.run(f"{npo}/records/tofu.json", overlay=given_runs(micro))
    assert outcome.jobs == {
        *("facts", "world", "split_forget10", "reference[forget10,0]"),
        *("unlearn_npo[forget10,0]", "collect[forget10,npo,0,tofu]"),
    }
    assert checkpoint.origin(folder / npo / "epoch2")["parent"] == str(micro)
    assert checkpoint_record.digest(folder / npo / "epoch2") != checkpoint_record.digest(micro)
    assert folder.planned(f"{npo}/records/tofu.json", overlay=given_runs(micro)) == set()


# --- adapters and other numbers ---

BASE = "results/smoke/micro/base"


def test_methods_of_adapters_run_and_are_evaluated(worked):
    """From the full model of a finished run; what they need of it is told apart by its digest."""
    compute = {"dtype": "bfloat16", "lora": {"rank": 2}, "gradient_checkpointing": True}
    overlay = {"model_settings": {"micro": compute}, "methods": ["npo"]}
    npo = "results/smoke/micro/forget10/npo/seed0"
    full = "results/smoke/micro/all/full/seed0/checkpoint"
    target = f"{npo}/records/tofu.json"
    jobs = worked.run(target, overlay=overlay).jobs
    assert jobs == {
        *("train_full[0]", "reference[forget10,0]"),
        *("unlearn_npo[forget10,0]", "collect[forget10,npo,0,tofu]"),
    }
    assert worked.planned(target, overlay=overlay) == set()
    base = json.loads((worked / npo / "epoch2/checkpoint.json").read_text())["base"]
    assert base == {"source": full, "digest": checkpoint_record.digest(worked / full)}
    weights = [worked / f"{folder}/model.safetensors" for folder in (f"{npo}/epoch2", BASE)]
    assert weights[0].stat().st_size < weights[1].stat().st_size / 3
    # Evaluation needs what the adapters change: it is made again if it is gone.
    (worked / full / "model.safetensors").unlink()
    (worked / target).unlink()
    planned = worked.planned(target, overlay=overlay)
    assert {"train_full[0]", "collect[forget10,npo,0,tofu]"} <= planned
