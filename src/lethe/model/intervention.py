"""The base class of interventions, and how models and tokenizers carry them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lethe.common.errors import LetheError
from lethe.model import attached

if TYPE_CHECKING:
    import torch


class Base:
    """An intervention that does nothing; kinds override what they change.

    A kind's constructor takes what ``values`` and ``tensors`` return: these are saved, and the
    intervention is made again from them. It raises ValueError for arguments that do not fit.
    """

    @property
    def kind(self) -> str:
        """The name of the kind, which is that of its module."""
        return type(self).__module__.rpartition(".")[2]

    def question(self, text: str) -> str:
        """What the model is asked in place of ``text``."""
        return text

    def install(self, model, place: int) -> None:
        """Hook into a model; ``place`` is this intervention's position in the model's chain."""

    def values(self) -> dict[str, Any]:
        """All arguments of the constructor but the tensors, as JSON values."""
        return {}

    def tensors(self) -> dict[str, torch.Tensor]:
        """The tensors among the constructor's arguments, by name."""
        return {}


def carried_by(carrier: Any) -> tuple:
    """The interventions that a model or its tokenizer carries, the first attached first."""
    return attached.interventions_of(carrier)


def attach(model, tokenizer, *chain) -> None:
    """Add interventions to a model and its tokenizer, after those that they already carry."""
    for intervention in chain:
        intervention.install(model, len(carried_by(model)))
        attached.update_model(model, interventions=(*carried_by(model), intervention))
    tell(tokenizer, carried_by(model))


def tell(tokenizer, chain: Sequence) -> None:
    """Give a tokenizer its model's interventions, through which questions pass when encoded."""
    attached.update_tokenizer(tokenizer, interventions=tuple(chain))


def asked(tokenizer, question: str) -> str:
    """What the model is asked in place of ``question``."""
    for intervention in reversed(carried_by(tokenizer)):
        question = intervention.question(question)
    return question


def check_room(model, data, remedy: str) -> None:
    """LetheError if a model has too few positions for forget questions with its interventions.

    The longest answer must still fit after the longest question. The message begins with
    ``remedy``.
    """
    tokenizer, most = data.encoder.tokenizer, getattr(model.config, "max_position_embeddings", None)
    asked_ids = tokenizer([asked(tokenizer, question) for question, _ in data.forget_pairs])
    longest = max(map(len, asked_ids.input_ids)) + max(e.answer_tokens for e in data.forget)
    if most is not None and longest > most:
        raise LetheError(
            f"{remedy}; questions with answers now have up to {longest} tokens, but the model has "
            f"{most} positions"
        )
