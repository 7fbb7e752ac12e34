"""Settings for how a model computes and which of its weights are trained. Light to import."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

DType = Literal["float32", "bfloat16"]
# The attention kernel that runs within each sequence.
Attention = Literal["sdpa", "eager", "flash"]


class _Choice(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LoRA(_Choice):
    """Low-rank adapters: x -> W x + (alpha / rank) B A x, where only A and B are trained.

    ``targets``: the ends of the names of the linear layers that get an adapter; ``all-linear``: all
    but the output layer. ``stages``: the trainings that use adapters; in others all weights are
    trained. Defaults are TOFU's (its finetune_lora.yaml), except for the dropout, which is 0.05
    there.
    """

    rank: int = Field(8, ge=1, description="width of an adapter")
    alpha: float = Field(
        32.0, gt=0, description="an adapter's output is multiplied by alpha / rank"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout of an adapter's input")
    targets: Literal["all-linear"] | tuple[str, ...] = Field(
        "all-linear",
        description="linear layers that get an adapter: all but the output layer, or the ends of "
        "their names, such as `[q_proj, v_proj]`",
    )
    stages: tuple[Literal["finetune", "unlearn"], ...] = Field(
        ("finetune", "unlearn"),
        min_length=1,
        description="trainings that use adapters; in others all weights are trained",
    )

    @field_validator("targets")
    @classmethod
    def _some(cls, targets: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if not all((targets, *targets)):
            raise ValueError("give names of layers, or all-linear")
        return targets


class Compute(_Choice):
    """How a model computes.

    ``dtype``: number format of the weights, in memory and in checkpoints. ``master_weights``: with
    bfloat16, training keeps weights in float32 and computes in bfloat16; otherwise steps below
    1/256 of a weight are lost. ``attention``: the attention kernel that runs within each sequence.
    """

    dtype: DType = Field(
        "float32", description="number format of the weights, in memory and on disk"
    )
    master_weights: bool = Field(
        True,
        description="with `bfloat16`, training keeps weights in float32 and computes in bfloat16 "
        "(autocast); false: bfloat16 only, which takes half the memory but loses steps below 1/256 "
        "of a weight",
    )
    attention: Attention = Field("sdpa", description="attention kernel within each sequence")
    gradient_checkpointing: bool = Field(
        False, description="activations within a layer are recomputed, not kept in memory"
    )
    cuda_graphs: bool | Literal["auto"] = Field(
        "auto",
        description="on a GPU, passes of training and steps of generation are recorded once for "
        "each shape and replayed, if their kernels take less time than their launches "
        "([training.md](training.md#cuda-graphs)); auto: wherever that is possible",
    )
    compile: bool | Literal["auto"] = Field(
        "auto",
        description="on a GPU, trainings compile the decoder's layers "
        "([training.md](training.md#compiled-layers)); auto: those of enough steps to repay it",
    )
    lora: LoRA | None = Field(
        None, description="train only adapters, with the keys below; null: all weights"
    )

    def loading(self) -> dict:
        """Arguments for ``checkpoint.load``."""
        # Only what differs from the defaults, since a job reruns when its arguments change.
        chosen = {"cuda_graphs": self.cuda_graphs, "compile": self.compile}
        said = {name: value for name, value in chosen.items() if value != "auto"}
        return {"dtype": self.dtype, "attention": self.attention, **said}

    def training(self, stage: str) -> dict:
        """The argument ``training`` of ``precision.prepare`` for a stage (finetune, unlearn)."""
        lora = self.lora if self.lora is not None and stage in self.lora.stages else None
        return {
            "master_weights": self.master_weights,
            "gradient_checkpointing": self.gradient_checkpointing,
            "lora": lora and lora.model_dump(mode="json", exclude={"stages"}),
        }
