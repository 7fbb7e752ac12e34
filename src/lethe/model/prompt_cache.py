"""Which tokens of a batch are its prompts, and passes with another model's keys and values there.

With another model's prompt cache a model reads its questions as the other one did; its own weights
answer. Only packed rows go through attention that can be given other keys and values.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from lethe.common.errors import LetheError
from lethe.model import token_mixing
from lethe.model.batch import Batch, to_device
from lethe.model.forward import hidden_states

# Keys and values of each layer, in order, [1, H_kv, T, D] each.
Cache = list[tuple[torch.Tensor, torch.Tensor]]


def response_tokens(batch: Batch, last_prompt_token: bool = False) -> torch.Tensor:
    """Which of a batch's packed tokens belong to a response, [T].

    ``last_prompt_token``: whether the one that predicts the response's first token does too. What
    follows a text (padding) counts with its response.
    """
    firsts = batch.predictors.new_full((batch.rows,), batch.ids.numel())
    firsts = firsts.scatter_reduce(0, batch.row, batch.predictors, "amin")
    row = batch.packing.scatter // batch.packing.gather.shape[1]
    token = torch.arange(batch.ids.numel(), device=batch.ids.device)
    return token >= firsts[row] + int(not last_prompt_token)


def check_packed(model, what: str) -> None:
    """LetheError unless all of a model's batches are packed; ``what`` begins the line."""
    mixing = token_mixing.of(model)
    layouts = {mixing.layout} | ({mixing.beyond_layout} if mixing.until is not None else set())
    if layouts != {token_mixing.PACKED}:
        raise LetheError(
            f"{what} needs the keys and values of attention, which {type(model).__name__} keeps to "
            "itself (docs/families.md: not packed); choose a model of a packed family, or leave "
            "it out"
        )


def recorded(model, batch: Batch) -> Cache:
    """The keys and values that every layer of a model has for a batch's tokens."""
    cache: Cache = []

    def keep(key, value):
        cache.append((key.detach(), value.detach()))
        return key, value

    with torch.no_grad():
        hidden_states(model, exchanging(to_device(batch, model.device), keep))
    return cache


def with_cache(batch: Batch, cache: Cache) -> Batch:
    """The batch, whose prompts' keys and values are those of ``cache``, for one pass."""
    response, layers = response_tokens(batch), iter(cache)

    def swap(key, value):
        own = response.to(key.device)[None, None, :, None]
        return tuple(
            torch.where(own, mine, other.to(mine))
            for mine, other in zip((key, value), next(layers), strict=True)
        )

    return exchanging(batch, swap)


def exchanging(batch: Batch, exchange) -> Batch:
    """A copy of the batch in whose passes ``exchange`` gives attention its keys and values."""
    if batch.packing.exchange is not None:
        raise AssertionError("the keys and values of this batch are already exchanged")
    return replace(batch, packing=replace(batch.packing, exchange=exchange))
