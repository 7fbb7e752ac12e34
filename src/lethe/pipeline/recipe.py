"""Recipes: base models that are trained once, for hours, and shipped with Lethe.

A recipe is ``bases/NAME/recipe.yaml``, beside the Snakefile; the base that it made is beside it.
``model_settings.M.base_recipe`` names one. Its base is used only instead of the one base that the
recipe says it replaces: if the configuration describes another, that one is trained.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import read_json
from lethe.common.registry import suggest
from lethe.common.validation import validated
from lethe.model import architecture
from lethe.pipeline import languages, workflow_files
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.keys import given
from lethe.pipeline.config.strict_yaml import read_config
from lethe.train.settings import Pretraining
from lethe.world.provider import PROVIDERS
from lethe.world.synthetic.mixture import Mixture

FILE = "recipe.yaml"
# How the base was made: the recipe's digest, the time that it took.
RECORD = "made.json"
# Keys of ``world`` that determine a base trained here, and the values that a recipe needs.
WORLD_KEYS = ("provider", "background", "background_authors", "background_phrasings")


class Stage(BaseModel):
    """A further training, on rows of its own, from where the one before it ended."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mixture: Mixture
    pretrain: Pretraining


class Recipe(BaseModel):
    """How a shipped base is made, and which configuration it stands in for.

    ``start``: the recipe from whose base its training goes on, instead of random weights.
    ``stages``: what follows the training on ``mixture``, in turn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    replaces: dict[str, Any]
    start: str | None = None
    mixture: Mixture
    architecture: dict[str, Any]
    pretrain: Pretraining
    template: str
    max_length: int
    stages: tuple[Stage, ...] = ()

    @property
    def mixtures(self) -> tuple[Mixture, ...]:
        """What is learned in each stage, the first included."""
        return (self.mixture, *(stage.mixture for stage in self.stages))

    def digest(self) -> str:
        """SHA-256 of everything that determines the base; ``replaces`` does not."""
        left_out = {"replaces", "start"} | (set() if self.stages else {"stages"})
        deciding = self.model_dump(mode="json", exclude=left_out)
        if self.start is not None:
            deciding["start"] = load(self.start).digest()
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def names() -> list[str]:
    """The recipes, sorted."""
    return sorted(file.parent.name for file in _folder().glob(f"*/{FILE}"))


@cache
def load(name: str, key: str = "base_recipe") -> Recipe:
    """A recipe by name; LetheError for an unknown one, and for a fault in its file."""
    if name not in names():
        raise LetheError(f"{key}: unknown recipe {name!r}{suggest(name, names())}")
    place = f"bases/{name}/{FILE}"
    recipe = validated(Recipe, read_config(shipped(name) / FILE), place)
    architecture.sizes(recipe.architecture, f"{place}: architecture")
    if recipe.start is not None:
        _check_start(recipe, place)
    return recipe


def _check_start(recipe: Recipe, place: str) -> None:
    """LetheError unless a recipe's training can go on from the base of its ``start``."""
    file = shipped(recipe.start) / FILE
    if recipe.start not in names():
        raise LetheError(
            f"{place}: start: unknown recipe {recipe.start!r}{suggest(recipe.start, names())}"
        )
    before = validated(Recipe, read_config(file), f"bases/{recipe.start}/{FILE}")
    if before.start is not None:
        raise LetheError(
            f"{place}: start: {recipe.start!r} goes on from {before.start!r} itself; name a recipe "
            "that starts from random weights"
        )
    if _sizes(before.architecture) != _sizes(recipe.architecture):
        raise LetheError(
            f"{place}: start: {recipe.start!r} has another architecture; give this recipe the same"
        )


def shipped(name: str) -> Path:
    """The folder with the base that a recipe made."""
    return _folder() / name


def in_use(config: Config, model: str) -> bool:
    """Whether a model's base is one that Lethe ships."""
    return named(config, model) is not None and difference(config, model) is None


def named(config: Config, model: str) -> str | None:
    """The recipe that a model names, if its base is not given."""
    settings = config.model_settings[model]
    return settings.base_recipe if settings.base_checkpoint is None else None


def difference(config: Config, model: str) -> str | None:
    """Why a model's recipe cannot be used: the key that differs; None if it can."""
    name = config.model_settings[model].base_recipe
    recipe = load(name)
    if not (shipped(name) / paths.WEIGHTS).is_file():
        return f"bases/{name} has no weights yet (make base)"
    if read_json(shipped(name) / RECORD).get("recipe_sha256") != recipe.digest():
        return f"bases/{name}/{FILE} was changed after its base was made (make base)"
    if config.snapshots:
        return "snapshots are asked for"
    if languages.of_base(config.world):
        return "world.languages.base names languages that it has not met"
    wanted, got = _flat(_wanted(recipe)), _flat(_configured(config, model))
    for key in [*wanted, *got]:
        if wanted.get(key) != got.get(key):
            return f"{key.replace('model.', f'model_settings.{model}.', 1)} differs"
    return None


def _wanted(recipe: Recipe) -> dict[str, Any]:
    replaced = recipe.replaces
    own = {"architecture": _sizes(recipe.architecture), "template": recipe.template}
    pretrain = Pretraining(**replaced.get("pretrain", {})).model_dump(mode="json")
    world = {key: value for key, value in replaced.items() if key != "pretrain"}
    return {"world": world, "model": {**own, "pretrain": pretrain}}


def _configured(config: Config, model: str) -> dict[str, Any]:
    settings = config.model_settings[model]
    if settings.architecture is None:
        return {}
    world = config.world.model_dump(mode="json")
    world["provider"] = PROVIDERS.contract(config.world.provider).like or config.world.provider
    template = settings.template
    own = {
        "architecture": _sizes(given(settings.architecture)),
        "template": template if isinstance(template, str) else template.model_dump(mode="json"),
        "pretrain": settings.pretrain.model_dump(mode="json"),
    }
    return {"world": {key: world[key] for key in WORLD_KEYS}, "model": own}


def _sizes(chosen: Mapping[str, Any]) -> dict[str, Any]:
    name = chosen.get("name", architecture.DEFAULT)
    return {"name": name, **architecture.sizes(chosen).model_dump(mode="json")}


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        inner = isinstance(value, Mapping)
        flat |= _flat(value, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return flat


def _folder() -> Path:
    return workflow_files.root() / "bases"
