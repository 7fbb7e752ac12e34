"""When a shipped base is used in place of one that is trained, and when not."""

import shutil
from pathlib import Path

import pytest
import yaml
from helpers.configurations import configured, message, written
from helpers.workflow_folder import ROOT

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import write_json
from lethe.pipeline import recipe, workflow_files


@pytest.fixture
def bases(tmp_path, monkeypatch) -> Path:
    """A copy of the shipped bases' recipes, with stand-ins for what they made."""
    folder = tmp_path / "bases"
    for name in recipe.names():
        (folder / name).mkdir(parents=True)
        shutil.copy(ROOT / "bases" / name / recipe.FILE, folder / name)
        (folder / name / paths.WEIGHTS).write_bytes(b"")
        made = {"recipe_sha256": recipe.load(name).digest()}
        write_json(folder / name / recipe.RECORD, made)
    monkeypatch.setattr(recipe, "_folder", lambda: folder)
    recipe.load.cache_clear()
    yield folder
    recipe.load.cache_clear()


def of_tiny(**settings) -> dict:
    return {"model_settings": {"tiny": settings}}


def test_the_default_configuration_is_what_the_recipe_replaces(bases):
    assert recipe.difference(configured(), "tiny") is None
    assert recipe.in_use(configured(), "tiny")


@pytest.mark.parametrize(
    "overlay",
    [
        {"world": {"seed": 101}},
        {"world": {"authors": 30}},
        {"seeds": [0, 1]},
        of_tiny(max_length=150),
        of_tiny(finetune={"lr": 1e-4}),
        # As written in the recipe, though spelt out.
        of_tiny(architecture={"name": "llama", "positions": 512}),
    ],
)
def test_what_does_not_concern_the_base_leaves_it(bases, overlay):
    assert recipe.in_use(configured(overlay), "tiny")


@pytest.mark.parametrize(
    ("overlay", "key"),
    [
        ({"world": {"background_authors": 100}}, "world.background_authors differs"),
        ({"world": {"background_phrasings": 2}}, "world.background_phrasings differs"),
        ({"world": {"provider": "tofu"}}, "world.provider differs"),
        (of_tiny(pretrain={"lr": 1e-3}), "model_settings.tiny.pretrain.lr differs"),
        (of_tiny(pretrain={"weight_decay": 0.1}), "model_settings.tiny.pretrain.weight_decay"),
        (of_tiny(architecture={"layers": 2}), "model_settings.tiny.architecture.layers differs"),
        (of_tiny(template="plain"), "model_settings.tiny.template differs"),
        ({"snapshots": [50]}, "snapshots are asked for"),
    ],
)
def test_another_base_is_trained_as_configured_and_the_key_is_named(bases, overlay, key):
    config = configured(overlay)
    assert not recipe.in_use(config, "tiny")
    assert key in recipe.difference(config, "tiny")


@pytest.mark.parametrize("overlay", [of_tiny(base_recipe=None), of_tiny(base_checkpoint="org/m")])
def test_no_recipe_is_used_where_none_is_named_or_a_base_is_given(bases, overlay):
    assert recipe.named(configured(overlay), "tiny") is None
    assert not recipe.in_use(configured(overlay), "tiny")


def test_a_base_without_weights_is_not_used(bases):
    (bases / "tiny" / paths.WEIGHTS).unlink()
    assert "no weights" in recipe.difference(configured(), "tiny")


def test_a_base_of_an_older_recipe_is_not_used(bases):
    file = bases / "tiny" / recipe.FILE
    changed = yaml.safe_load(file.read_text())
    changed["mixture"]["authors"] += 1
    file.write_text(yaml.safe_dump(changed))
    recipe.load.cache_clear()
    assert "was changed after its base was made" in recipe.difference(configured(), "tiny")


def test_what_a_recipe_replaces_is_not_part_of_its_digest():
    made = recipe.load("tiny")
    assert made.model_copy(update={"replaces": {}}).digest() == made.digest()
    assert made.model_copy(update={"max_length": 100}).digest() != made.digest()


def test_an_unknown_recipe_is_refused_in_one_line():
    assert "did you mean tiny?" in message(written(of_tiny(base_recipe="tyny")))


def test_a_fault_in_a_recipe_names_its_file(bases):
    (bases / "tiny" / recipe.FILE).write_text("mixture: {}\n")
    recipe.load.cache_clear()
    with pytest.raises(LetheError, match=r"^bases/tiny/recipe.yaml"):
        recipe.load("tiny")


@pytest.mark.parametrize("name", recipe.names())
def test_what_is_shipped_was_made_by_its_recipe(name):
    """Whoever edits a recipe makes its base again, or says here why not."""
    config = configured(of_tiny(base_recipe=name))
    assert recipe.difference(config, "tiny") is None
    assert (workflow_files.root() / "bases" / name / "training.csv").is_file()


def started(bases: Path, **changes) -> str:
    """The message about a recipe like the shipped one with ``changes``."""
    (bases / "further").mkdir()
    text = yaml.safe_load((bases / "tiny" / recipe.FILE).read_text())
    (bases / "further" / recipe.FILE).write_text(yaml.safe_dump({**text, **changes}))
    with pytest.raises(LetheError) as refusal:
        recipe.load("further")
    return str(refusal.value)


def test_a_recipe_goes_on_from_one_of_the_same_architecture_that_started_afresh(bases):
    sizes = recipe.load("tiny").architecture
    assert "start: unknown recipe 'tinny'; did you mean tiny?" in started(bases, start="tinny")
    shutil.rmtree(bases / "further")
    message = started(bases, start="tiny", architecture={**sizes, "layers": 2})
    assert "start: 'tiny' has another architecture" in message
    shutil.rmtree(bases / "further")
    assert "start: 'further' goes on from 'further' itself" in started(bases, start="further")


def test_the_digest_of_a_recipe_has_that_of_its_start(bases):
    alone = recipe.load("tiny")
    further = alone.model_copy(update={"start": "instructed"})
    assert further.digest() != alone.digest()
    assert further.digest() != alone.model_copy(update={"start": "tiny"}).digest()
