"""FINCH: the higher the loss, the lower the rate (arXiv 2605.20005), and its control.

A rate that falls with the loss also has another mean. ``instead`` trains with a constant or
a cosine rate that has the same mean as FINCH's on these rows: it trains by FINCH first, notes the
mean, and begins again from the same weights.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FinchRecipe(BaseModel):
    """As ``lr_schedule: {name: finch}``; ``instead``: the control, null for FINCH itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kappa: Literal["scaled", "plain"] = "scaled"
    memory: float = Field(0.9, ge=0, lt=1)
    largest: float = Field(5e-5, gt=0, le=1)
    instead: Literal["constant", "cosine"] | None = None


settings_class = FinchRecipe


def learn(model, lesson, settings) -> dict[str, float]:
    """Train by FINCH, or by the rate that is to be compared with it."""
    from lethe.train.execution import NoStateSaver
    from lethe.train.settings import rated

    chosen = {"name": "finch", **settings.model_dump(exclude={"instead"})}
    by_loss = rated(lesson.settings, chosen)
    if settings.instead is None:
        return lesson.fit(model, schedule=by_loss)
    start = {name: value.detach().clone() for name, value in model.state_dict().items()}
    # A stopped job begins again with this part: it is needed for one number, and not resumed.
    rates: list[float] = []
    lesson.named("finch").unsaved(NoStateSaver()).fit(model, schedule=by_loss, rates=rates)
    model.load_state_dict(start)
    mean = sum(rates) / len(rates)
    # The mean of half a cosine is half its peak.
    peak = mean * (2 if settings.instead == "cosine" else 1)
    other = rated(lesson.settings, {"name": settings.instead}, peak)
    return lesson.fit(model, schedule=other) | {"finch_mean_lr": mean}
