"""LoRA: the rows are learned by low-rank adapters, which are then merged into the weights.

What comes after, unlearning above all, has whole weights that moved by low-rank matrices alone. To
keep adapters apart from their base, set ``lora`` of the model instead.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

WHOLE_WEIGHTS = True


class LoRARecipe(BaseModel):
    """As the keys of a model's ``lora``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: int = Field(8, ge=1)
    alpha: float = Field(32.0, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"


settings_class = LoRARecipe


def learn(model, lesson, settings) -> dict[str, float]:
    """Train adapters alone, and merge them in float32."""
    from lethe.model import lora

    lora.add(model, settings.model_dump(mode="json"), lesson.seed, lesson.start)
    counts = lesson.fit(model)
    lora.fold(model)
    return counts
