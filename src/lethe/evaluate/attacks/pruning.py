"""Pruning: the smallest weights of the decoder's layers become 0, as for deployment.

Magnitude pruning (Han et al. 2015, arXiv 1506.02626): the small changes that unlearning made are
cut away with the small weights, or what it suppressed comes back.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

NEEDS = ()


class PruningSettings(BaseModel):
    """``share`` of the weights that become 0; ``scope``: in each matrix, or in all together.

    The matrices are those of the linear maps in the decoder's layers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(0.3, gt=0, lt=1)
    scope: Literal["layer", "global"] = "layer"


settings_class = PruningSettings


def change(model, settings, examples, seed, report, how=None) -> None:
    """Prune in place; of equal magnitudes at the threshold, the first weights become 0."""
    import torch

    from lethe.evaluate.attacks._matrices import matrices

    weights = [weight for weight, _ in matrices(model)]
    groups = [weights] if settings.scope == "global" else [[weight] for weight in weights]
    with torch.no_grad():
        for number, group in enumerate(groups, start=1):
            prune(group, round(settings.share * sum(weight.numel() for weight in group)))
            report(number, len(groups))


def prune(weights: Sequence, count: int) -> None:
    """Set exactly ``count`` weights of the smallest magnitude to 0, over all matrices together."""
    if count == 0:
        return
    border = magnitude(weights, count)
    left = count - sum(int((weight.abs() < border).sum()) for weight in weights)
    for weight in weights:
        size = weight.abs()
        at = (size == border) & ((size == border).flatten().cumsum(0).view_as(size) <= left)
        left -= int(at.sum())
        weight.masked_fill_((size < border) | at, 0)


def magnitude(weights: Sequence, count: int) -> float:
    """The ``count``-th smallest magnitude (from 1), by bisection over the numbers of float32.

    Sorting all weights of a large model together would take several times their memory. The bits of
    numbers that are not negative, read as an integer, are in the numbers' order.
    """
    import torch

    low, high = 0, 0x7F800000
    while low < high:
        middle = (low + high) // 2
        number = torch.tensor(middle, dtype=torch.int32).view(torch.float32).item()
        if sum(int((weight.abs().float() <= number).sum()) for weight in weights) >= count:
            high = middle
        else:
            low = middle + 1
    return torch.tensor(low, dtype=torch.int32).view(torch.float32).item()
