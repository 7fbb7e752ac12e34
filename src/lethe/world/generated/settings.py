"""Settings of generated authors: the configuration's ``world.generated``."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lethe.common.errors import LetheError
from lethe.common.validation import misread
from lethe.llm.settings import Budget, Model, Prices, Service

Share = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[int, Field(ge=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Lists(_Settings):
    """Lengths of the lists of attributes; ``titles``: words for titles of each genre."""

    birthplaces: int = Field(default=60, ge=2)
    genres: int = Field(default=24, ge=2)
    occupations: int = Field(default=60, ge=2)
    titles: int = Field(default=8, ge=2)


class Batch(_Settings):
    """How many items one request asks for."""

    pairs: int = Field(default=20, ge=1, le=20)
    paraphrases: int = Field(default=10, ge=1, le=20)
    perturbations: int = Field(default=5, ge=1, le=20)


class PairChecks(_Settings):
    """Checks of pairs.

    ``full_name``: every question has the full name. ``consistent``: answers agree with the drawn
    attributes. ``alike``: two questions of an author with at least this similarity (0 to 1) are
    near-duplicates.
    """

    full_name: bool = True
    consistent: bool = True
    alike: Share = 0.9


class ParaphraseChecks(_Settings):
    """Checks of paraphrases.

    ``meaning``: the share of names that a paraphrase must keep, besides all numbers.
    ``consistent``: it agrees with the drawn attributes, like the original.
    """

    meaning: Share = 0.7
    consistent: bool = True


class PerturbationChecks(_Settings):
    """Checks of wrong answers.

    ``template``: the least similarity to the paraphrase from which the answer is made. ``length``:
    by what factor it may be longer or shorter. ``untrue``: it must not contain the drawn value that
    the question asks for.
    """

    untrue: bool = True
    template: Share = 0.3
    length: Annotated[float, Field(ge=1)] = 2.0


class Checks(_Settings):
    """What items must be like, by stage."""

    pairs: PairChecks = PairChecks()
    paraphrases: ParaphraseChecks = ParaphraseChecks()
    perturbations: PerturbationChecks = PerturbationChecks()


class Generation(_Settings):
    """Everything under ``world.generated``."""

    model: Model = Model()
    service: Service = Service()
    budget: Budget = Budget()
    prices: Prices = Prices()
    lists: Lists = Lists()
    batch: Batch = Batch()
    checks: Checks = Checks()
    attempts: Number = 4

    def content(self) -> dict[str, Any]:
        """All settings on which the authors depend: not addresses, limits and prices."""
        return self.model_dump(include={"model", "lists", "batch", "checks", "attempts"})

    def stage(self, name: str) -> dict[str, Any]:
        """The settings on which the results of a stage depend, and no others.

        A replacement for a dropped author goes through the earlier stages again. Their settings are
        not among these: they are those that made the stage's input files.
        """
        settings: dict[str, Any] = {"model": self.model.model_dump(), "attempts": self.attempts}
        for group in (self.batch, self.checks):
            if name in type(group).model_fields:
                value = getattr(group, name)
                settings[type(group).__name__.lower()] = (
                    value.model_dump() if isinstance(value, BaseModel) else value
                )
        if name == "lists":
            settings["lists"] = self.lists.model_dump()
        return settings


def generation(world: Mapping[str, Any]) -> Generation:
    """The settings in a configuration's ``world``; LetheError names a key that is wrong.

    Its value is not shown: it may be a secret key that was put in the wrong place.
    """
    try:
        checked = Generation(**(world.get("generated") or {}))
    except ValidationError as error:
        raise LetheError(_line(error)) from None
    for key, _, kind in misread(world.get("generated") or {}, checked):
        raise LetheError(f"config: world.generated{key}: input should be {kind}")
    check_prices(checked)
    return checked


def check_prices(settings: Generation) -> None:
    """LetheError for a budget of money without prices, because it would never be used up."""
    if settings.budget.cost is not None and not (settings.prices.input or settings.prices.output):
        raise LetheError(
            "config: world.generated.budget.cost: no prices to compute costs with; "
            "set world.generated.prices"
        )


def _line(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(["config: world.generated", *map(str, first["loc"])])
    if first["type"] == "extra_forbidden":
        return f"{place}: unknown key; docs/generated.md lists all keys"
    return f"{place}: {first['msg'].removeprefix('Value error, ').lower()}"
