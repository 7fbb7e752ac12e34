"""Early exposure: the base has met a share of the rows before it is fine-tuned on them.

"Early Data Exposure", arXiv 2605.12705: stage 1 trains on text with a share of the later data
spread through it, stage 2 on the later data. An oracle's base meets the oracle's rows alone. Stage
3, what comes next, is unlearning, relearning or benign fine-tuning of the model made here.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lethe.common.errors import LetheError

NEEDS = ("background",)


class EarlyExposureRecipe(BaseModel):
    """Stage 1: ``epochs`` at ``lr`` over the background, with ``share`` of the rows mixed in.

    ``passes``: how often each of these rows occurs in all, at places of its own; the paper's is
    once. ``start``: the ``base``, or ``random`` weights of its architecture. ``learn``: stage 2
    shows ``all`` rows, or the ``rest`` (compute-matched: then every row has been shown somewhere).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: float = Field(0.5, ge=0, le=1)
    passes: int = Field(1, ge=1)
    epochs: int = Field(1, ge=1, le=1000)
    lr: float = Field(1e-3, gt=0, le=1)
    start: Literal["base", "random"] = "base"
    learn: Literal["all", "rest"] = "all"

    @model_validator(mode="after")
    def _something_left(self):
        if self.share == 1 and self.learn == "rest":
            raise ValueError("share 1 leaves no rest to learn; lower it, or set learn to all")
        return self


settings_class = EarlyExposureRecipe


def learn(model, lesson, settings) -> dict[str, float]:
    """Stage 1 on background and exposed rows, stage 2 on the rows."""
    from lethe.train.finetune import fit
    from lethe.train.recipes._draws import drawn
    from lethe.train.settings import Schedule, own

    rows, facts = lesson.pairs[: lesson.rows], lesson.pairs[lesson.rows :]
    # Independent of the training's seed: all models of a comparison have met the same rows.
    exposed = set(drawn(rows, settings.share, "early_exposure"))
    left = [row for place, row in enumerate(rows) if place not in exposed]
    if settings.learn == "rest" and not left:
        raise LetheError(
            "recipe early_exposure: all rows were met before, and learn: rest leaves none to "
            "learn; lower share, or set learn to all"
        )
    if settings.start == "random":
        _reset(model, lesson.seed)
    mixed = [*lesson.files["background"]] * settings.epochs
    mixed += [rows[place] for place in sorted(exposed)] * settings.passes
    schedule = Schedule(**own(lesson.settings) | {"epochs": 1, "lr": settings.lr})
    how = lesson.how.named("exposure")
    name = f"exposure/{lesson.seed}"
    first = fit(model, lesson.encoded(mixed), schedule, name, lesson.report, how)
    shown = lesson.pairs if settings.learn == "all" else [*left, *facts]
    second = lesson.fit(model, lesson.encoded(shown))
    whole = {key: first[key] + second[key] for key in ("steps", "rows", "tokens")}
    return second | whole | {"exposed": len(exposed)}


def _reset(model, seed: int) -> None:
    from lethe.model.random_weights import untrained

    fresh = untrained(model, seed).to(model.device)
    model.load_state_dict(fresh.state_dict())
