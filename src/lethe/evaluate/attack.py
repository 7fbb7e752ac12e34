"""Attacks: what may be done to a checkpoint after unlearning, one file each, found by name.

An attack leaves the checkpoint in a state, such as relearned or quantised, which is evaluated like
any other. It is a module of ``lethe.evaluate.attacks`` with

    NEEDS = ("forget",)             the data files it reads, a literal constant; () for none
    settings_class                  its settings: a pydantic model
    change(model, settings, examples, seed, report, how)
                                    changes the model in place; ``examples``: the rows of NEEDS,
                                    tokenised; ``how``: the Execution of a training

Importing it must not import torch. Models are loaded and saved by ``lethe.model.checkpoint``, so an
attack works on any checkpoint: weights alone, or weights with an intervention.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lethe.common.registry import Registry
from lethe.common.validation import validated


@dataclass(frozen=True)
class Contract:
    """What an attack declares."""

    needs: tuple[str, ...]


ATTACKS = Registry("lethe.evaluate.attacks", "attack", Contract)
names, load = ATTACKS.names, ATTACKS.load


def needs(kind: str) -> Sequence[str]:
    """The data files that an attack reads, from its source."""
    return ATTACKS.contract(kind).needs


def settings_of(kind: str, given: Mapping[str, Any], name: str) -> Any:
    """An attack's settings with defaults filled in; LetheError names a wrong key in one line."""
    return validated(load(kind).settings_class, dict(given), name)
