"""Settings of how a model computes and of what of it is trained. Light to import."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _Choice(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LoRA(_Choice):
    """Low-rank adapters: x -> W x + (alpha / rank) B A x, with A and B alone trained.

    ``targets``: ends of the names of the linear layers that get one; ``all-linear``: all of them
    but the output layer. ``stages``: in which training; elsewhere all weights are trained. Defaults
    are TOFU's (its finetune_lora.yaml), but for the dropout: 0.05 there.
    """

    rank: int = Field(8, ge=1)
    alpha: float = Field(32.0, gt=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    stages: tuple[Literal["finetune", "unlearn"], ...] = Field(
        ("finetune", "unlearn"), min_length=1
    )

    @field_validator("targets")
    @classmethod
    def _some(cls, targets: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not all((targets, *targets)):
            raise ValueError("names of layers are wanted, or all-linear")
        return targets


class Compute(_Choice):
    """``dtype``: the numbers of a model's weights, in memory and in checkpoints.

    ``master_weights``: with bfloat16, training keeps weights in float32 and computes in bfloat16;
    else steps below 1/256 of a weight are lost. ``attention``: what runs within each sequence.
    """

    dtype: Literal["float32", "bfloat16"] = "float32"
    master_weights: bool = True
    attention: Literal["sdpa", "eager", "flash"] = "sdpa"
    gradient_checkpointing: bool = False
    lora: LoRA | None = None

    def loading(self) -> dict:
        """What ``checkpoint.load`` is told."""
        return {"dtype": self.dtype, "attention": self.attention}

    def training(self, stage: str) -> dict:
        """What ``precision.prepare`` is told, in a stage (``finetune``, ``unlearn``)."""
        lora = self.lora if self.lora is not None and stage in self.lora.stages else None
        return {
            "master_weights": self.master_weights,
            "gradient_checkpointing": self.gradient_checkpointing,
            "lora": lora and lora.model_dump(mode="json", exclude={"stages"}),
        }
