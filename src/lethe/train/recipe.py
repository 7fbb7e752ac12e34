"""Recipes: how ``full`` and the oracles learn their rows, one file each, found by name.

A recipe is a module of ``lethe.train.recipes`` with

    NEEDS = ("background",)         files of the world that it reads beside the rows (none)
    WHOLE_WEIGHTS = True            whether it needs the weights whole, neither as shards nor
                                    beneath adapters (False)
    FAMILIES = ("causal",)          the families of models that it works with (any)
    settings_class                  its settings: a pydantic model
    learn(model, lesson, settings)  trains the model in place (``lethe.train.lesson``), and returns
                                    counts: steps, tokens, rows

An oracle learns by the same recipe from its own rows alone. Importing a recipe must not import
torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from lethe.common.registry import Registry
from lethe.common.validation import validated
from lethe.model.families import ANY

PLAIN = "plain"


@dataclass(frozen=True)
class Contract:
    """What a recipe declares."""

    needs: tuple[str, ...] = ()
    whole_weights: bool = False
    families: tuple[str, ...] = ANY


RECIPES = Registry("lethe.train.recipes", "recipe", Contract)
names, load, module = RECIPES.names, RECIPES.load, RECIPES.module


def needs(name: str) -> Sequence[str]:
    """The files of the world that a recipe reads, from its source."""
    return RECIPES.contract(name).needs


def whole_weights(name: str) -> bool:
    """Whether a recipe needs the weights whole."""
    return RECIPES.contract(name).whole_weights


def families(name: str) -> Sequence[str]:
    """The families of models that a recipe works with."""
    return RECIPES.contract(name).families


def settings_of(chosen: Mapping[str, Any], place: str = "recipe") -> Any:
    """A recipe's settings with defaults filled in; LetheError names a wrong key in one line."""
    own = {key: value for key, value in chosen.items() if key != "name"}
    return validated(load(chosen["name"], place).settings_class, own, place)


def _filled(value: Any) -> Any:
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise ValueError("write a recipe's name, or {name: NAME, ...}")
    name = value["name"]
    return {"name": name, **settings_of(value, f"recipe {name}").model_dump(mode="json")}


# A name alone is short for a recipe with its defaults; it is stored with all of its settings.
Recipe = Annotated[
    dict[str, Any],
    BeforeValidator(_filled),
    WithJsonSchema({"type": ["string", "object"]}),
]
