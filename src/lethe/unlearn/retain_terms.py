"""Retain terms: added to a forget term to preserve the model on the retain set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lethe.model.families import ANY, CAUSAL
from lethe.train.passes import Passes


@dataclass(frozen=True)
class Term:
    """``value(settings, model, batch, reference)`` is the term on the step's retain batch.

    ``answers``: whether it calls ``model.answers`` on that batch. ``families``: the model families
    that it works with.
    """

    value: Callable[..., Any]
    needs: tuple[str, ...]
    passes: Passes
    answers: bool = False
    families: tuple[str, ...] = (CAUSAL,)


def nll(settings, model, batch, reference):
    """Mean negative log-likelihood of the retain answers' tokens (GradDiff; also called RT, GD)."""
    return model.answers(batch).mean_nll()


def kl(settings, model, batch, reference):
    """KL(original || current), a mean over all tokens, questions included (TOFU, Eq. 6)."""
    import torch

    with torch.no_grad():
        original = reference.frozen.all_logits(batch).log_softmax(-1)
    current = model.all_logits(batch).log_softmax(-1)
    return (original.exp() * (original - current)).sum(-1).sum() / batch.inputs_total


def embedding(settings, model, batch, reference):
    """Mean squared distance of a layer's hidden states from the original's (RMU)."""
    import torch

    with torch.no_grad():
        original = reference.frozen.hidden(batch, settings.layer)
    current = model.hidden(batch, settings.layer)
    return answer_distance(current, original, batch, settings.open_unlearning)


def answer_distance(hidden, target, batch, open_unlearning: bool):
    """Mean over rows of the mean over answer tokens of the mean squared difference of [T, H].

    States are taken at the positions that predict the answer's tokens. open-unlearning (in padded
    batches) takes them at the tokens themselves, and divides each row's sum by every row's number
    of tokens in turn, a broadcast of [B] by [B, 1].
    """
    import torch

    places = batch.predictors.to(hidden.device) + int(open_unlearning)
    row = batch.row.to(hidden.device)
    target = target[places] if target.dim() == 2 else target
    distance = (hidden[places] - target).square().mean(-1)
    share = 1 / torch.bincount(row, minlength=batch.rows)
    share = share.mean() if open_unlearning else share[row]
    return (distance * share).sum() / batch.rows_total


_ROWS, _COPY = ("retain",), ("retain", "reference_model")
TERMS = {
    "nll": Term(nll, _ROWS, Passes(), answers=True, families=ANY),
    "kl": Term(kl, _COPY, Passes(frozen=1)),
    "embedding": Term(embedding, _COPY, Passes(frozen=1)),
}


def choose(settings) -> Term | None:
    """The term that the settings choose; None if they choose none or its weight is 0."""
    if getattr(settings, "retain_weight", 0) == 0:
        return None
    return TERMS[settings.retain]
