"""States of a checkpoint: what becomes of it afterwards, one file for each kind, found by name.

A kind is a module of ``lethe.evaluate.attacks`` with

    NEEDS = ("forget",)             data files that it reads, a literal constant; () for none
    class Settings(BaseModel)       its settings, typed
    change(model, settings, examples, seed, report, how)
                                    changes the model in place; ``examples`` are those of NEEDS,
                                    ``how`` a training runs is an Execution

Importing it must not import torch. What a state does goes through ``checkpoint.load`` and ``save``,
so that it works on whatever a method left: weights, or weights that something else acts upon.
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
    """The data files that a kind reads, from its source."""
    return ATTACKS.contract(kind).needs


def settings_of(kind: str, given: Mapping[str, Any], name: str) -> Any:
    """A kind's settings with defaults; what is wrong with a key is one line that names it."""
    return validated(load(kind).Settings, dict(given), name)
