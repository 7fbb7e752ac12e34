"""What every kind of intervention is, and who carries one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lethe.common.errors import LetheError
from lethe.model import attached

if TYPE_CHECKING:
    import torch


class Base:
    """An intervention that does nothing; kinds override what they change.

    Arguments of a kind's constructor are what ``values`` and ``tensors`` give: by them it is saved
    and made again. It refuses what does not fit with a ValueError.
    """

    @property
    def kind(self) -> str:
        """The name by which it is found: that of its module."""
        return type(self).__module__.rpartition(".")[2]

    def question(self, text: str) -> str:
        """What the model is asked in place of ``text``."""
        return text

    def install(self, model, place: int) -> None:
        """Hook into a model; ``place`` is this intervention's position in the model's chain."""

    def values(self) -> dict[str, Any]:
        """Everything but tensors, as JSON has it."""
        return {}

    def tensors(self) -> dict[str, torch.Tensor]:
        """Tensors by name."""
        return {}


def carried_by(carrier: Any) -> tuple:
    """The interventions that a model or its tokenizer carries, the first attached first."""
    return attached.interventions_of(carrier)


def attach(model, tokenizer, *chain) -> None:
    """Let a model and its tokenizer carry further interventions, after those they have already."""
    for intervention in chain:
        intervention.install(model, len(carried_by(model)))
        attached.update_model(model, interventions=(*carried_by(model), intervention))
    tell(tokenizer, carried_by(model))


def tell(tokenizer, chain: Sequence) -> None:
    """Tell a tokenizer what its model carries: the questions that it encodes pass through that."""
    attached.update_tokenizer(tokenizer, interventions=tuple(chain))


def asked(tokenizer, question: str) -> str:
    """What the model is asked in place of ``question``."""
    for intervention in reversed(carried_by(tokenizer)):
        question = intervention.question(question)
    return question


def check_room(model, data, remedy: str) -> None:
    """LetheError where a model has no positions for what its forget questions have become.

    The longest answer that was there before must still fit behind the longest question.
    """
    tokenizer, most = data.encoder.tokenizer, getattr(model.config, "max_position_embeddings", None)
    asked_ids = tokenizer([asked(tokenizer, question) for question, _ in data.forget_pairs])
    longest = max(map(len, asked_ids.input_ids)) + max(e.answer_tokens for e in data.forget)
    if most is not None and longest > most:
        raise LetheError(
            f"{remedy}; questions and answers get {longest} tokens, the model has {most} positions"
        )
