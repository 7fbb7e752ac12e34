"""``search``: which methods' search spaces are searched, and how."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Search(BaseModel):
    """``trials`` for each of ``methods``; the first is the method as it is configured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    methods: tuple[str, ...] = Field(
        (), description="methods whose search spaces are searched ([comparison.md](comparison.md))"
    )
    trials: int = Field(4, ge=2, le=1000, description="trials of each method")
    strategy: Literal["random"] = Field("random", description="how trials are drawn")
    seed: int = Field(0, ge=0, description="seed of the draws")
