"""Settings of one training: how long, how fast, in what portions. Light to import."""

from pydantic import BaseModel, ConfigDict, Field


class Schedule(BaseModel):
    """Linear warm-up, then linear decay to zero, as in TOFU."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(5, ge=1, le=1000)
    lr: float = Field(1e-5, gt=0, le=1, description="peak learning rate")
    batch_size: int = Field(32, ge=1, description="rows of one optimiser step")
    warmup_epochs: float = Field(1.0, ge=0)
    weight_decay: float = Field(0.01, ge=0)
    max_grad_norm: float | None = Field(1.0, gt=0, description="null: no clipping")


class Pretraining(Schedule):
    """How a base model is made: a schedule, and how often it sees each true fact an epoch."""

    fact_repeats: int = Field(3, ge=1)
    seed: int = Field(0, ge=0, description="of the weights, the tokenizer and the order of rows")
