"""SEAT: sparse, entity-aware tuning (arXiv 2506.14387).

    theta <- theta - eta * (m o g),    L = CE(x) + weight * KL(base(. | x') || theta(. | x'))

m is a fixed mask of 0 and 1; x' is the row x with a made-up person in place of its own. What the
base says about people it does not know, above all that it does not know them, is kept.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

WHOLE_WEIGHTS = True
FAMILIES = ("causal",)


class SeatRecipe(BaseModel):
    """``density``: the share of each matrix that is trained; 1: all. ``mask``: which of it.

    ``random``, or the largest by ``magnitude`` |w| or by ``importance`` |w dL/dw| on the rows, at
    the base. ``weight`` of the KL; 0: none. The paper's density and weight, and which end of an
    order its masks take, were not available: [RECON].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    density: float = Field(0.2, gt=0, le=1)
    mask: Literal["random", "magnitude", "importance"] = "random"
    weight: float = Field(1.0, ge=0)


settings_class = SeatRecipe


def learn(model, lesson, settings) -> dict[str, float]:
    """Train the masked part of the weights, beside a frozen copy of the base."""
    from lethe.train import sparse_mask
    from lethe.train.kept_answers import kept_answers

    examples = lesson.encoded()
    wrappers = []
    if settings.density < 1:
        masks = sparse_mask.masks(
            model, settings.mask, settings.density, lesson.seed, examples[: lesson.rows]
        )
        wrappers.append(sparse_mask.Sparse(model, masks))
    addition = kept_answers(model, lesson, settings.weight) if settings.weight else None
    return lesson.fit(model, examples, addition=addition, wrappers=wrappers)
