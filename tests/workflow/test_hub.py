"""A model of the hub that cannot be had stops a run before its first job; planning asks nobody."""

from pathlib import Path

import pytest
from helpers.local_hub import Hub, serving
from helpers.workflow_folder import Folder, sources

from lethe.model import checkpoint
from lethe.model.architectures.llama import Architecture, make_model, train_tokenizer

NAME = "org/micro-0.1m"
OVERLAY = {
    "world": {"name": "given"},
    "evaluation": {"base": True, "items": 3, "max_length": 200},
    "model_settings": {"micro": {"base_checkpoint": NAME}},
}
RECORDS = "results/given/micro/forget10/base/seed0/records/tofu.json"
FACTS = "results/given/data/world_facts.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Folder:
    folder = sources(tmp_path_factory.mktemp("hub") / "folder")
    # Runs of few jobs, each in an environment of its own: a server for each would take longer.
    folder.plain = True
    return folder


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with nothing in it, and an empty cache."""
    with serving({}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
        yield hub


def refused(folder: Folder) -> str:
    outcome = folder.snakemake(RECORDS, overlay=OVERLAY)
    assert outcome.code != 0, outcome.end
    assert outcome.jobs == set(), "no job may begin"
    assert len(outcome.errors) == 1, outcome.end
    return outcome.errors[0]


def test_a_gated_model_ends_a_run_before_its_first_job(folder, hub: Hub):
    hub.models[NAME] = "gated"
    error = refused(folder)
    assert error.startswith(f"error: config: model_settings.micro.base_checkpoint: {NAME}: ")
    assert "it is gated; accept its licence on the hub" in error
    assert not (folder / "results/given").exists()


def test_without_a_network_a_model_must_be_in_the_cache(folder, hub: Hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "its cache lacks the model" in refused(folder)
    assert hub.asked == []


def test_planning_and_jobs_without_the_model_ask_nobody(folder, hub: Hub):
    hub.models[NAME] = "gated"
    assert "collect[forget10,base,0,tofu]" in folder.planned(RECORDS, overlay=OVERLAY)
    assert folder.run(FACTS, overlay=OVERLAY).jobs == {"facts"}
    assert hub.asked == []


def test_a_model_of_the_hub_is_fetched_and_evaluated(folder, hub: Hub, tmp_path: Path, monkeypatch):
    tokenizer = train_tokenizer(["Where was Ada born? Ada was born in Paris, in 1950."] * 9, 400)
    model = make_model(
        Architecture(hidden_size=48, layers=2, heads=2, intermediate_size=96), tokenizer, 0
    )
    checkpoint.save(tmp_path / "model", model, tokenizer, {})
    (tmp_path / "model/checkpoint.json").unlink()
    hub.models[NAME] = tmp_path / "model"
    outcome = folder.run(RECORDS, overlay=OVERLAY)
    assert "collect[forget10,base,0,tofu]" in outcome.jobs
    assert any(path.endswith("/model.safetensors") for path in hub.asked)
    # What is there is planned without the hub, and what follows from its cache runs without it.
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert folder.planned(RECORDS, overlay=OVERLAY) == set()
    (folder / RECORDS).unlink()
    assert folder.run(RECORDS, overlay=OVERLAY).jobs == {"collect[forget10,base,0,tofu]"}
