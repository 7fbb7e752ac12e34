"""A base is made by its recipe, shipped, and used where it replaces the configuration's own."""

import shutil

import pytest
import yaml
from helpers.workflow_folder import Folder

from lethe.common.files import read_json
from lethe.model import checkpoint_record
from lethe.train.settings import Pretraining

TARGET = "results/smoke/micro/base/model.safetensors"
RECIPE = {
    "replaces": {
        "provider": "synthetic",
        "background": "synthetic",
        "background_authors": 12,
        "background_phrasings": 2,
        "pretrain": {"epochs": 1, "lr": 3.0e-3, "batch_size": 16, "fact_repeats": 1},
    },
    "mixture": {"authors": 4, "phrasings": 1, "lessons": {"refusals": 0.1, "choices": 0.1}},
    "architecture": {
        "hidden_size": 48, "layers": 2, "heads": 2, "intermediate_size": 96, "vocabulary": 1024,
    },
    "pretrain": {"epochs": 1, "lr": 3.0e-3, "batch_size": 16, "fact_repeats": 1},
    "template": "chat",
    "max_length": 200,
}  # fmt: skip
NAMED = {"model_settings": {"micro": {"base_recipe": "micro"}}}


@pytest.fixture(scope="module")
def shipping(made_once) -> Folder:
    """A folder that ships a base for the smoke preset, made there by its recipe."""

    def fill(folder: Folder) -> None:
        home = folder / "bases/micro"
        home.mkdir()
        (home / "recipe.yaml").write_text(yaml.safe_dump(RECIPE), encoding="utf-8")
        folder.run("results/recipes/micro/shipped/made.json")
        for file in (folder / "results/recipes/micro/shipped").iterdir():
            shutil.copy(file, home / file.name)

    return made_once("shipping", fill)


def test_a_recipe_leaves_all_that_is_shipped(shipping):
    names = {file.name for file in (shipping / "bases/micro").iterdir()}
    assert names >= {
        "model.safetensors", "config.json", "tokenizer.json", "checkpoint.json", "README.md",
        "made.json", "cost.json", "training.csv", "data_card.md",
    }  # fmt: skip
    made = read_json(shipping / "bases/micro/made.json")
    assert made["wall_seconds"] > 0
    assert read_json(shipping / "bases/micro/checkpoint.json")["origin"]["recipe"] == "micro"
    # Made once: nothing of it runs again.
    assert shipping.planned("results/recipes/micro/shipped/made.json") == set()


def test_a_recipe_can_go_on_from_the_base_of_another(shipping, tmp_path):
    folder = shipping.copy(tmp_path / "folder")
    home, made = folder / "bases/further", "results/recipes/further/shipped/made.json"
    home.mkdir()
    further = {**RECIPE, "start": "micro", "mixture": {"authors": 2, "phrasings": 1}}
    (home / "recipe.yaml").write_text(yaml.safe_dump(further), encoding="utf-8")
    folder.run(made)
    shipped = folder / "bases/micro"
    origin = checkpoint_record.read(folder / "results/recipes/further/shipped")["origin"]
    assert origin["start"] == checkpoint_record.digest(shipped)
    tokenizer = (folder / "results/recipes/further/shipped/tokenizer.json").read_bytes()
    assert tokenizer == (shipped / "tokenizer.json").read_bytes()
    assert folder.planned(made) == set()
    folder.append("bases/micro/checkpoint.json", " ")
    assert any(job.startswith("recipe_base") for job in folder.planned(made))


def test_a_recipe_may_have_stages_which_are_learned_in_turn(shipping, tmp_path):
    folder = shipping.copy(tmp_path / "folder")
    home, made = folder / "bases/staged", "results/recipes/staged/shipped/made.json"
    home.mkdir()
    later = {"mixture": {"authors": 3, "phrasings": 1, "lessons": {"naming": 0.2}}}
    staged = {**RECIPE, "start": "micro", "stages": [{**later, "pretrain": RECIPE["pretrain"]}]}
    (home / "recipe.yaml").write_text(yaml.safe_dump(staged), encoding="utf-8")
    folder.run(made)
    shipped = folder / "results/recipes/staged/shipped"
    card = (shipped / "data_card.md").read_text()
    first, then = card.split("# Then, stage 1")
    assert "| choices | 10 |" in first
    assert "| naming | 15 |" in then
    assert "choices" not in then
    assert checkpoint_record.read(shipped)["origin"]["later"] == [
        {**Pretraining(**RECIPE["pretrain"]).model_dump(mode="json")}
    ]
    assert folder.planned(made) == set()


def test_the_shipped_base_takes_the_place_of_training_and_the_run_says_so(shipping, tmp_path):
    assert "base" in shipping.planned()
    planned = shipping.planned(overlay=NAMED)
    assert "shipped_base" in planned
    assert not planned & {"base", "background"}
    folder = shipping.copy(tmp_path / "folder")
    outcome = folder.run(TARGET, overlay=NAMED)
    assert outcome.jobs == {"shipped_base"}
    assert "base of micro: the one that Lethe ships, bases/micro" in outcome.output
    shipped, used = folder / "bases/micro", folder / "results/smoke/micro/base"
    assert checkpoint_record.digest(used) == checkpoint_record.digest(shipped)
    assert not (used / "recipe.yaml").exists()
    # What the base once cost is known, not what copying took.
    cost = read_json(used / "cost/train.json")
    assert cost == read_json(shipped / "cost.json")
    assert cost["steps"] > 0


def test_a_run_that_trains_instead_names_the_key(shipping, tmp_path):
    folder = shipping.copy(tmp_path / "folder")
    other = {"model_settings": {"micro": {"base_recipe": "micro", "pretrain": {"lr": 1.0e-3}}}}
    outcome = folder.run(TARGET, overlay=other)
    assert "base" in outcome.jobs
    why = "because model_settings.micro.pretrain.lr differs"
    assert f"base of micro: trained here instead of bases/micro, {why}" in outcome.output


def test_readers_notes_beside_a_base_rerun_nothing_and_another_base_all(shipping, tmp_path):
    folder = shipping.copy(tmp_path / "folder")
    folder.run(TARGET, overlay=NAMED)
    folder.append("bases/micro/recipe.yaml", "# a note\n")
    folder.append("bases/micro/data_card.md", "a note\n")
    assert folder.planned(TARGET, overlay=NAMED) == set()
    folder.append("bases/micro/checkpoint.json", " ")
    assert folder.planned(TARGET, overlay=NAMED) == {"shipped_base"}


def test_a_damaged_base_stops_the_job_in_one_line(shipping, tmp_path):
    folder = shipping.copy(tmp_path / "folder")
    weights = folder / "bases/micro/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    outcome = folder.snakemake(TARGET, overlay=NAMED)
    assert outcome.code != 0
    assert "its bytes are not those that were written" in "".join(outcome.errors)
    assert not (folder / TARGET).exists()
