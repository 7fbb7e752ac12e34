"""Plain fine-tuning on all rows at once, as TOFU does."""

from pydantic import BaseModel, ConfigDict


class PlainSettings(BaseModel):
    """There are no settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


settings_class = PlainSettings


def learn(model, lesson, settings) -> dict[str, float]:
    """Train on the answers of all rows."""
    return lesson.fit(model)
