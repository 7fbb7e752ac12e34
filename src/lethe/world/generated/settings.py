"""Settings of generated authors: ``world.generated`` of the configuration."""

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
    """How long the lists of attributes are; ``titles`` words for titles in each genre."""

    birthplaces: int = Field(default=60, ge=2)
    genres: int = Field(default=24, ge=2)
    occupations: int = Field(default=60, ge=2)
    titles: int = Field(default=8, ge=2)


class Batch(_Settings):
    """Items asked for in one request."""

    pairs: int = Field(default=20, ge=1, le=20)
    paraphrases: int = Field(default=10, ge=1, le=20)
    perturbations: int = Field(default=5, ge=1, le=20)


class PairChecks(_Settings):
    """``full_name``: in every question. ``consistent``: with the drawn attributes.

    ``alike``: two questions of an author at least so similar (0 to 1) are near-duplicates.
    """

    full_name: bool = True
    consistent: bool = True
    alike: Share = 0.9


class ParaphraseChecks(_Settings):
    """``meaning``: share of the names that a paraphrase must keep, beside all numbers.

    ``consistent``: with the drawn attributes, as the original.
    """

    meaning: Share = 0.7
    consistent: bool = True


class PerturbationChecks(_Settings):
    """``template``: least similarity of a wrong answer to the paraphrase that it is made from.

    ``length``: how many times longer or shorter it may be. ``untrue``: it must not say the drawn
    value that the question asks for.
    """

    untrue: bool = True
    template: Share = 0.3
    length: Annotated[float, Field(ge=1)] = 2.0


class Checks(_Settings):
    """What an item must be like, by stage."""

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
        """Everything on which the authors depend: no address, no limits, no prices."""
        return self.model_dump(include={"model", "lists", "batch", "checks", "attempts"})

    def stage(self, name: str) -> dict[str, Any]:
        """The settings on which the results of a stage depend, and no others.

        A replacement for a dropped author passes through the earlier stages again, but with the
        settings of theirs that made the files it is added to: those are inputs.
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
    """The settings of a configuration's ``world``; LetheError names a key that is wrong.

    The value itself is not shown: it may be a key that was put where none belongs.
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
    """LetheError for a budget of money without prices, which would never be used up."""
    if settings.budget.cost is not None and not (settings.prices.input or settings.prices.output):
        raise LetheError(
            "config: world.generated.budget.cost: no prices to count it by; "
            "set world.generated.prices"
        )


def _line(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(["config: world.generated", *map(str, first["loc"])])
    if first["type"] == "extra_forbidden":
        return f"{place}: unknown key; docs/generated.md lists those there are"
    return f"{place}: {first['msg'].removeprefix('Value error, ').lower()}"
