"""Training a fixed part of the weights: the others stay as they were, to the bit."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from lethe.model.encoder import Example

Masks = Mapping[str, torch.Tensor]
# Rows from which importance is measured.
ROWS = 256


def masks(
    model, kind: str, density: float, seed: int, examples: Sequence[Example]
) -> dict[str, torch.Tensor]:
    """For each trained parameter a mask of its shape, true at a share ``density`` of its entries.

    ``kind``: ``random``, the largest by ``magnitude`` |w|, or by ``importance`` |w dL/dw|, with L
    the mean loss of an answer token over the first 256 of ``examples``.
    """
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if kind == "random":
        draw = torch.Generator().manual_seed(random.Random(f"mask/{seed}").getrandbits(63))
        scores = {name: torch.rand(p.shape, generator=draw) for name, p in trained.items()}
    elif kind == "magnitude":
        scores = {name: p.detach().abs() for name, p in trained.items()}
    else:
        scores = _importance(model, trained, examples[:ROWS])
    return {
        name: _largest(score, density).to(trained[name].device) for name, score in scores.items()
    }


def _largest(scores: torch.Tensor, density: float) -> torch.Tensor:
    """True at the largest scores; of equal ones the first, so that the count is exact."""
    count = max(1, round(density * scores.numel()))
    order = scores.detach().cpu().flatten().argsort(descending=True, stable=True)
    mask = torch.zeros(scores.numel(), dtype=torch.bool)
    mask[order[:count]] = True
    return mask.view(scores.shape)


def _importance(model, trained: Masks, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
    from lethe.model.forward import Forward
    from lethe.train.execution import Execution

    forward, parts = Forward(model), Execution(4096).parts
    model.zero_grad(set_to_none=True)
    for part in parts({"answers": examples}, {"answers": range(len(examples))}):
        forward.answers(part["answers"]).mean_nll().backward()
    importance = {
        name: torch.zeros_like(p) if p.grad is None else (p * p.grad).detach().abs()
        for name, p in trained.items()
    }
    model.zero_grad(set_to_none=True)
    return importance


class Sparse:
    """A wrapper for ``Loop``: gradients and updates reach only the weights that the masks select.

    The gradient is masked before it is clipped, so that weights that do not move do not count in
    the norm. After the update the other weights are put back, since weight decay moves weights
    without a gradient.
    """

    def __init__(self, model, masks: Masks):
        self.parts = [
            (p, masks[name], p.detach()[~masks[name]].clone())
            for name, p in model.named_parameters()
            if name in masks
        ]

    def differentiated(self, model, parts, parameters, process_group) -> None:
        """Clear the gradient outside the masks."""
        for p, mask, _ in self.parts:
            if p.grad is not None:
                p.grad.mul_(mask)

    @torch.no_grad()
    def updated(self) -> None:
        """Put the weights outside the masks back to what they were."""
        for p, mask, start in self.parts:
            p[~mask] = start

    def state(self) -> dict[str, Any]:
        """Empty: nothing changes."""
        return {}
