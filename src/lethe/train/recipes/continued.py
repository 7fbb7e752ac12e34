"""Continued training: after the rows the model learns something else, as deployed models do.

What ``full`` still knows of the rows then is what is to be unlearned. For training that goes on
*after* unlearning there is the attack ``benign_finetuning``.
"""

from pydantic import BaseModel, ConfigDict, Field

NEEDS = ("background",)


class ContinuedRecipe(BaseModel):
    """``epochs`` at ``lr`` on ``share`` of the background rows, drawn by the seed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(1, ge=1, le=1000)
    lr: float = Field(5e-4, gt=0, le=1)
    share: float = Field(0.1, gt=0, le=1)


settings_class = ContinuedRecipe


def learn(model, lesson, settings) -> dict[str, float]:
    """Train on the rows, then on background rows without them."""
    from lethe.train.finetune import fit
    from lethe.train.recipes._draws import ranked
    from lethe.train.settings import Schedule, own

    learned = lesson.named("rows").fit(model)
    background = lesson.files["background"]
    count = max(1, round(settings.share * len(background)))
    chosen = ranked(background, f"continued/{lesson.seed}")[:count]
    schedule = Schedule(
        **own(lesson.settings) | {"epochs": settings.epochs, "lr": settings.lr, "warmup_epochs": 0}
    )
    examples = lesson.encoded([background[place] for place in chosen])
    how = lesson.how.named("continued")
    after = fit(model, examples, schedule, f"continued/{lesson.seed}", lesson.report, how)
    return learned | {key: learned[key] + after[key] for key in ("steps", "rows", "tokens")}
