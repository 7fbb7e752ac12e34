"""Architectures of models that are made here from nothing, one file each, found by name.

A file of ``lethe.model.architectures`` has

    class Architecture(BaseModel)               its sizes, each with a default, and the property
                                                ``parameters``, the number of its weights
    train_tokenizer(texts, vocabulary)          its tokenizer
    make_model(architecture, tokenizer, seed)   a model with random weights

and, if a part of its models can begin with another checkpoint, which its field ``language`` names,

    given_tokenizer(architecture)               that checkpoint's tokenizer; None if none is named

and, if its models see pictures, a constant ``SEES = True``; if they are not causal, a constant
``FAMILY`` (``lethe.model.families``).

Importing it must not import torch. In the configuration ``model_settings.M.architecture`` has the
sizes and, under ``name``, the architecture that they belong to; without a name it is a Llama.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from lethe.common.registry import Registry
from lethe.common.validation import validated
from lethe.model.families import CAUSAL

ARCHITECTURES = Registry("lethe.model.architectures", "architecture")
names = ARCHITECTURES.names
DEFAULT = "llama"
PLACE = "architecture"


def load(given: Mapping[str, Any], place: str = PLACE) -> ModuleType:
    """The plug-in that a configuration names; an unknown one is a LetheError."""
    return ARCHITECTURES.load(given.get("name", DEFAULT), f"{place}.name")


def module(given: Mapping[str, Any]) -> str:
    """The dotted name of the plug-in, as code digests use it."""
    return ARCHITECTURES.module(given.get("name", DEFAULT))


def family(given: Mapping[str, Any], place: str = PLACE) -> str:
    """The family of the models that an architecture makes (``lethe.model.families``)."""
    return getattr(load(given, place), "FAMILY", CAUSAL)


def sees(given: Mapping[str, Any]) -> bool:
    """Whether the models that an architecture makes see pictures."""
    return getattr(load(given), "SEES", False)


def language(given: Mapping[str, Any]) -> str | None:
    """The shipped base with which a part of the models begins; None: from scratch."""
    return given.get("language") if hasattr(load(given), "given_tokenizer") else None


def given_tokenizer(made: ModuleType, sizes: Any) -> Any:
    """The tokenizer of the checkpoint with which a part of a model begins; None if none is named.

    ``made``: the plug-in.
    """
    return made.given_tokenizer(sizes) if hasattr(made, "given_tokenizer") else None


def sizes(given: Mapping[str, Any], place: str = PLACE) -> Any:
    """The sizes with defaults filled in; LetheError names the key of a wrong one."""
    own = {key: value for key, value in given.items() if key != "name"}
    return validated(load(given, place).Architecture, own, place)
