"""The runs of plans: those of all planners, for all requests of one size, as one configuration.

Many plans have runs in common. A run is a method with all its settings, so each is carried out once
and counts for every plan that has it. Attacks, noise floors and numbers of seeds are left out: they
say more about a run, and change none.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from lethe.common.errors import LetheError
from lethe.pipeline import workflow_files
from lethe.pipeline.card import BUDGETS, Card
from lethe.pipeline.config import load, settings
from lethe.pipeline.config.check import check
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.strict_yaml import read_config
from lethe.pipeline.planner import meets, served, subject, suggest
from lethe.unlearn import methods

NAME = "plans"
# Of the world and of the runs: no settings were tuned on them.
SEED, SEEDS = 691, (691, 692, 693)


@dataclass(frozen=True)
class Run:
    """A method with all its settings, as JSON; ``name``: in the common configuration."""

    method: str
    settings: str
    name: str

    @property
    def epochs(self) -> int:
        """The epoch at which it ends."""
        return methods.load(self.method)(json.loads(self.settings), self.name).epochs

    def serves(self, card: Card) -> bool:
        """Whether a request has what the run needs, and allows it."""
        return meets(card, methods.load(self.method)(json.loads(self.settings), self.name))


def requests(forget: int, authors: int) -> list[Card]:
    """Every request of one size: with and without what a card has, of each budget."""
    yes_no = (True, False)
    return [
        Card(forget, authors, retain, prior, inference_only, budget)
        for retain, prior, inference_only, budget in product(yes_no, yes_no, yes_no, BUDGETS)
    ]


def place(card: Card) -> tuple[str, str]:
    """The model and the split of a request's runs."""
    config = _built(subject(card))
    return config.models[0], config.splits[0]


def of_plan(config: Mapping[str, Any]) -> list[Run]:
    """The runs of a plan, in its order."""
    built = _built(config)
    return [_run(built, name) for name in built.methods]


@cache
def of_library(card: Card) -> dict[str, Run]:
    """By method, the run of each task that serves a request, whatever the budget takes."""
    # What past runs praise comes first, and so is in the plan.
    plans = {task.method: suggest(card, {task.method: 1.0}).config for task in served(card)}
    return {name: of_plan(config)[0] for name, config in plans.items()}


@cache
def by_chance(card: Card) -> list[Run]:
    """What chance draws from: each method there is, as it is by default."""
    return of_plan({**subject(card), "methods": methods.for_causal()})


def together(cards: Iterable[Card]) -> dict[str, Any]:
    """The configuration, as it is laid over the defaults, that carries out all runs once.

    A run that the workflow's own checks refuse is left out: it cannot start.
    """
    cards = list(cards)
    config = _common(cards[0])
    for run in carried_out(cards):
        config = _with(config, run)
    check(_built(config))
    return config


def carried_out(cards: Iterable[Card]) -> list[Run]:
    """The runs of all planners for these requests that can start, sorted by name."""
    cards = list(cards)
    runs = {run for card in cards for run in _planned(card) if run.serves(card)}
    return sorted((run for run in runs if _can_start(cards[0], run)), key=lambda run: run.name)


def _planned(card: Card) -> list[Run]:
    without = of_plan(suggest(card, library=False).config)
    return [*of_library(card).values(), *without, *by_chance(card)]


@cache
def _can_start(card: Card, run: Run) -> bool:
    try:
        check(_built(_with(_common(card), run)))
    except LetheError:
        return False
    return True


def _common(card: Card) -> dict[str, Any]:
    whole = subject(card)
    return {
        **whole,
        "world": {**whole["world"], "name": NAME, "seed": SEED},
        "seeds": list(SEEDS),
        "oracle_seeds": [],
        "methods": [],
        "method_settings": {},
        "checkpoints": {"keep": "none"},
        "evaluation": {"epochs": "last", "items": {"retain": 80}},
        "figures": [],
    }


def _with(config: Mapping[str, Any], run: Run) -> dict[str, Any]:
    chosen = {**config, "methods": [*config["methods"], run.name]}
    if run.name == run.method:
        return chosen
    own = {"method": run.method, **_beyond_protocol(run)}
    return {**chosen, "method_settings": {**config["method_settings"], run.name: own}}


def _beyond_protocol(run: Run) -> dict[str, Any]:
    """The settings that a variant without any of its own would not have."""
    variant = {"methods": [run.name], "method_settings": {run.name: {"method": run.method}}}
    bare = settings.method_settings(_built(variant), run.name)
    return {key: value for key, value in json.loads(run.settings).items() if value != bare[key]}


def _run(built: Config, name: str) -> Run:
    """A plan's run, named by what differs from the method as it is by default."""
    own, default = settings.method_settings(built, name), _by_default(name)
    differing = {key: value for key, value in own.items() if value != default[key]}
    words = (f"_{key}_{_word(value)}" for key, value in sorted(differing.items()))
    suffix = "".join(re.sub("[^A-Za-z0-9]+", "_", word) for word in words)
    return Run(name, json.dumps(own, sort_keys=True), f"{name}{suffix}")


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


@cache
def _by_default(name: str) -> dict[str, Any]:
    return settings.method_settings(_built({}), name)


def _built(config: Mapping[str, Any]) -> Config:
    return load.build(load.laid_over(_defaults(), config))


@cache
def _defaults() -> dict[str, Any]:
    return read_config(workflow_files.defaults())
