"""Attacks: what may be done to a checkpoint after unlearning, one file each, found by name.

An attack puts a checkpoint into a state, such as relearned or quantised, which is evaluated like
any other. It is a module of ``lethe.evaluate.attacks`` with

    NEEDS = ("forget",)             the data file that it trains on, a literal constant; () for
                                    none, ("{data}",) for the one that its setting ``data`` names
    APART = ("forget",)             files whose rows must not be among those (none)
    STARTS_FROM_BASE = True         whether another model, from the base on, learns what this one
                                    answers to questions of NEEDS (False); then also
                                    questions(settings, rows) -> questions
                                    answers(model, settings, encoder, questions) -> texts
    PROMPTS_ONLY = True             whether it leaves the weights alone and attaches an intervention
                                    (False); needs a causal model
    settings_class                  its settings: a pydantic model
    change(model, settings, examples, seed, report, how)
                                    changes the model in place; ``examples``: the rows of NEEDS,
                                    tokenised; ``how``: the Execution of a training. May return
                                    the indices of the rows that it trained on, for metrics. With
                                    PROMPTS_ONLY it also gets (…, encoder, rows): the model's
                                    Encoder, and the rows of NEEDS as pairs

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
    apart: tuple[str, ...] = ()
    starts_from_base: bool = False
    prompts_only: bool = False


ATTACKS = Registry("lethe.evaluate.attacks", "attack", Contract)
names, load = ATTACKS.names, ATTACKS.load


def needs(kind: str) -> Sequence[str]:
    """The data files that an attack trains on, from its source; a setting's name is in braces."""
    return ATTACKS.contract(kind).needs


def trained_on(kind: str, settings: Mapping[str, Any]) -> list[str]:
    """The data files that an attack with these settings (all of them) trains on."""
    return [need.format_map(settings) for need in needs(kind)]


def files(kind: str, settings: Mapping[str, Any]) -> list[str]:
    """The data files that an attack with these settings reads: parts of a split, or of a world."""
    return [*trained_on(kind, settings), *ATTACKS.contract(kind).apart]


def starts_from_base(kind: str) -> bool:
    """Whether an attack makes another model, from the base on."""
    return ATTACKS.contract(kind).starts_from_base


def prompts_only(kind: str) -> bool:
    """Whether an attack leaves the weights alone."""
    return ATTACKS.contract(kind).prompts_only


def settings_of(kind: str, given: Mapping[str, Any], name: str) -> Any:
    """An attack's settings with defaults filled in; LetheError names a wrong key in one line."""
    return validated(load(kind).settings_class, dict(given), name)
