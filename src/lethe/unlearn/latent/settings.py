"""Settings of a latent attack. Light to import."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from lethe.unlearn.search_space import Range


class AttackSettings(BaseModel):
    """A latent attack (``lethe.unlearn.latent.attack``).

    ``attack_layer``: the layer, from 0, whose output is shifted; null: the last of the first
    quarter. ``attack_steps``: steps of its gradient descent; ``attack_rate``: length of the first,
    in radii. ``radius``: how long a shift may be, as a share of the state's length
    (``radius_of: states``) or as an absolute length (``absolute``).
    """

    attack_layer: int | None = Field(None, ge=0)
    attack_steps: int = Field(16, ge=1)
    attack_rate: float = Field(1.6, gt=0)
    radius: Annotated[float, Range(0.05, 1.0, log=True)] = Field(0.25, gt=0)
    radius_of: Literal["states", "absolute"] = "states"
