"""Settings of one training: length, learning rate, batch size. Light to import."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lethe.train.recipe import PLAIN, Recipe


class Linear(BaseModel):
    """Linear warm-up, then linear decay to zero, as in TOFU."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["linear"] = "linear"


class Constant(BaseModel):
    """Linear warm-up, then the same rate to the end."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["constant"] = "constant"


class Cosine(BaseModel):
    """Linear warm-up, then half a cosine down to zero."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["cosine"] = "cosine"


class Finch(BaseModel):
    """The higher the loss, the lower the rate (FINCH).

    ``kappa: scaled``: ``lr`` is the rate of the first loss; ``plain``: that of a loss of 1 nat.
    ``memory`` of the moving mean of the losses; ``largest`` rate, the paper's for models with
    billions of parameters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["finch"] = "finch"
    kappa: Literal["scaled", "plain"] = "scaled"
    memory: float = Field(0.9, ge=0, lt=1)
    largest: float = Field(5e-5, gt=0, le=1)
    eps: float = Field(1e-8, gt=0)


LRSchedule = Annotated[Linear | Constant | Cosine | Finch, Field(discriminator="name")]


class Schedule(BaseModel):
    """How long a training is and how fast it learns; ``lr_schedule``: how the rate changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(
        5, ge=1, le=1000, description="passes over the data; for methods, over the forget set"
    )
    lr: float = Field(1e-5, gt=0, le=1, description="peak learning rate")
    batch_size: int = Field(32, ge=1, description="rows of one optimiser step")
    warmup_epochs: float = Field(1.0, ge=0, description="length of the warm-up, in epochs")
    weight_decay: float = Field(0.01, ge=0, description="weight decay of AdamW")
    max_grad_norm: float | None = Field(
        1.0, gt=0, description="norm at which gradients are clipped; null: not clipped"
    )
    lr_schedule: LRSchedule = Field(
        default={"name": "linear"},
        validate_default=True,
        description="how the learning rate changes during training ([methods.md](methods.md))",
    )

    @field_validator("lr_schedule")
    @classmethod
    def _above_lr(cls, rate: LRSchedule, info) -> LRSchedule:
        lr = info.data.get("lr")
        if isinstance(rate, Finch) and lr is not None and rate.largest < lr:
            raise ValueError(f"largest is below lr ({lr:g}): the rate would be constant; raise it")
        return rate


class Finetuning(Schedule):
    """How full model and oracles are made: a schedule, and how often an epoch shows each true fact.

    TOFU shows none (0). A model of a million parameters then forgets the facts on which utility is
    measured, as a large one does not.
    """

    fact_repeats: int = Field(
        0,
        ge=0,
        description="how often an epoch shows each true fact beside the authors, for small models "
        "that would forget what their utility is measured on; TOFU: 0",
    )
    recipe: Recipe = Field(
        default={"name": PLAIN},
        validate_default=True,
        description="how the rows are learned ([recipes.md](recipes.md)); a name, or a mapping "
        "with its settings",
        json_schema_extra={"allowed": "a file of `src/lethe/train/recipes/`; `{name: NAME, ...}`"},
    )
    until_loss: float | None = Field(
        None,
        gt=0,
        description="mean loss of the rows' answers (nats a token) at which the training ends, "
        "before its epochs are over, so that models are compared at equal loss; null: not before",
    )
    check_steps: int = Field(10, ge=1, description="steps between checks of `until_loss`")


class Pretraining(Schedule):
    """How a base model is made: a schedule, and how often it sees each true fact an epoch."""

    fact_repeats: int = Field(3, ge=1, description="how often an epoch shows each true fact")
    seed: int = Field(
        0, ge=0, description="seed of the weights, the tokenizer and the order of rows"
    )


def own(settings: Schedule) -> dict[str, Any]:
    """The keys of a schedule, picked from settings that may have more."""
    return {name: getattr(settings, name) for name in Schedule.model_fields}


def rated(settings: Schedule, lr_schedule: Mapping[str, Any], lr: float | None = None) -> Schedule:
    """The schedule with another ``lr_schedule`` and, if given, another ``lr``."""
    changed = {"lr_schedule": dict(lr_schedule)} | ({} if lr is None else {"lr": lr})
    return Schedule(**own(settings) | changed)
