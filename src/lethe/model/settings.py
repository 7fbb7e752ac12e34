"""Settings of how a model computes and of what of it is trained. Light to import."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

DType = Literal["float32", "bfloat16"]
# What runs within each sequence.
Attention = Literal["sdpa", "eager", "flash"]


class _Choice(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LoRA(_Choice):
    """Low-rank adapters: x -> W x + (alpha / rank) B A x, with A and B alone trained.

    ``targets``: ends of the names of the linear layers that get one; ``all-linear``: all of them
    but the output layer. ``stages``: in which training; elsewhere all weights are trained. Defaults
    are TOFU's (its finetune_lora.yaml), but for the dropout: 0.05 there.
    """

    rank: int = Field(8, ge=1, description="width of an adapter")
    alpha: float = Field(32.0, gt=0, description="an adapter's output is times alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="of an adapter's input")
    targets: Literal["all-linear"] | tuple[str, ...] = Field(
        "all-linear",
        description="which linear layers have one: all but the output layer, or ends of names, "
        "`[q_proj, v_proj]`",
    )
    stages: tuple[Literal["finetune", "unlearn"], ...] = Field(
        ("finetune", "unlearn"),
        min_length=1,
        description="trainings of adapters; in others all weights are trained",
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

    dtype: DType = Field("float32", description="numbers of the weights, in memory and on disk")
    master_weights: bool = Field(
        True,
        description="with `bfloat16`, training keeps weights in float32 and computes in bfloat16 "
        "(autocast); false: bfloat16 alone, half the memory, and steps below 1/256 of a weight are "
        "lost",
    )
    attention: Attention = Field("sdpa", description="what runs within each sequence")
    gradient_checkpointing: bool = Field(
        False, description="activations within a layer are computed again, not kept"
    )
    lora: LoRA | None = Field(
        None, description="train adapters alone, with the keys below; null: all weights"
    )

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
