"""From a request to forget to a configuration of the workflow, with the reason for each choice.

LMMP (2605.04777) plans by a library of tasks, apart from the planner [RECON]: first by rules, then
by what past runs of the same methods gave (``lethe.pipeline.plan_learning``). What is emitted has
passed the checks that any configuration passes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from lethe.common.errors import LetheError
from lethe.pipeline import memory, workflow_files
from lethe.pipeline.card import Card
from lethe.pipeline.config import load
from lethe.pipeline.config.check import check
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.strict_yaml import read_config
from lethe.pipeline.estimate import Assumed, plan
from lethe.pipeline.gpu_speed import GPUS
from lethe.pipeline.task_library import METHODS, RULES, TASKS, Task
from lethe.unlearn import methods
from lethe.unlearn.method import Method, whole_weights

# The name of the user's own model, and the world of a rehearsal.
MODEL, WORLD = "yours", "suggested"
# The holdout authors, and those of the retain set with perturbed answers, of a world without a word
# about them.
HELD, PERTURBED = 12, 8
# The share of a GPU's memory that a training may plan to take.
FILLED = 0.9
LORA = {"rank": 16, "alpha": 32, "dropout": 0, "stages": ["unlearn"]}


@dataclass(frozen=True)
class Suggestion:
    """A configuration, as it is laid over the defaults, and reasons by its keys."""

    config: dict[str, Any]
    reasons: dict[str, list[str]]

    def as_yaml(self) -> str:
        """The configuration, with the reasons as comments above each key."""
        blocks = []
        for key, value in self.config.items():
            lines = [f"# {reason}" for reason in self.reasons.get(key, ())]
            dumped = yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=100)
            blocks.append("\n".join([*lines, dumped.rstrip()]))
        return "\n".join(blocks) + "\n"


def suggest(
    card: Card, learned: Mapping[str, float] | None = None, library: bool = True
) -> Suggestion:
    """The plan for a card.

    ``learned``: of methods that were run before, how often they succeeded. ``library``: False plans
    without the library, as a control.

    LetheError, one line, where no method can serve, or what serves does not fit the hardware.
    """
    made = _Planner(card)
    made.add(subject(card), *_reasons_of_subject(card))
    for rule in RULES if library else ():
        if rule.when(card):
            made.add(rule.gives, rule.reason)
    made.choose(_by_past_runs(served(card), learned or {}) if library else _any(card))
    made.fit()
    made.within_hours()
    return made.suggestion()


def served(card: Card) -> list[Task]:
    """The tasks of the library that can serve a card, the best first."""
    serving = [task for task in TASKS if task.serves(card) and can_run(card, task.method)]
    if not serving:
        raise LetheError(
            "suggest: nothing serves a request without changing weights and without retain rows "
            "but a prompt; give rows that must stay (leave out --no-retain)"
        )
    return sorted(serving, key=lambda task: task.rank)


def _by_past_runs(tasks: list[Task], learned: Mapping[str, float]) -> list[Task]:
    """Tasks that succeeded first, then those never tried, then those that failed each time."""
    unknown = 1e-9
    return sorted(tasks, key=lambda task: (-learned.get(task.method, unknown), task.rank))


def can_run(card: Card, name: str) -> bool:
    """Whether a method's needs are met by what is at hand, and its kind is allowed."""
    return meets(card, methods.load(name)(dict(_without(card, name)), name))


def meets(card: Card, method: Method) -> bool:
    """As ``can_run``, for a method with its settings."""
    if card.inference_only and method.intervention is None:
        return False
    at_hand = {"retain": card.retain, "prior": card.prior}
    return all(at_hand.get(need, True) for need in method.needs)


def _without(card: Card, name: str) -> Mapping[str, Any]:
    """Settings by which a method does without retain rows, if it has them."""
    return {"beta": 0} if name == "msa" and not card.retain else {}


def _any(card: Card) -> list[Task]:
    """What a planner without a library knows: methods, in their order, whose needs are met."""
    names = [name for name in methods.for_causal() if can_run(card, name)]
    return [Task(name, "its needs are met", number) for number, name in enumerate(names)]


class _Planner:
    """Builds one suggestion: the configuration so far, and why."""

    def __init__(self, card: Card):
        self.card, self.config, self.reasons = card, {}, {}

    def add(self, gives: Mapping[str, Any], *reasons: str) -> None:
        self.config = load.laid_over(self.config, gives)
        for key in gives:
            self.reasons.setdefault(key, []).extend(reasons)

    def choose(self, tasks: list[Task]) -> None:
        """As many of the tasks as the budget allows, best first."""
        for task in tasks[: METHODS[self.card.budget]]:
            own = {**task.settings, **_without(self.card, task.method)}
            more = {"method_settings": {task.method: own}} if own else {}
            names = [*self.config.get("methods", []), task.method]
            self.add({"methods": names}, f"{task.method}: {task.reason}")
            self.config = load.laid_over(self.config, more)

    def built(self) -> Config:
        return load.build(load.laid_over(read_config(workflow_files.defaults()), self.config))

    def fit(self) -> None:
        """The first way of training that fits the GPUs, from the one that changes least."""
        card = self.card
        if card.gpu is None or card.model is None or card.inference_only:
            return
        room, tried = FILLED * GPUS[card.gpu].memory, self.config
        for gives, reason, shares in _ways(card):
            self.config = load.laid_over(tried, gives)
            self._leave_out_whole_weights()
            if self.config["methods"] and self._needed(shares) <= room:
                for key in gives:
                    self.reasons.setdefault(key, []).append(reason)
                self._say_what_is_left_out(tried["methods"])
                return
        what = f"{card.parameters:g} weights" if card.parameters else f"the weights of {card.model}"
        raise LetheError(
            f"suggest: {what} fit {card.gpus} {card.gpu} in no way; name more GPUs (--gpus) or "
            "larger ones"
        )

    def _leave_out_whole_weights(self) -> None:
        """Adapters: methods that work on whole weights cannot train them."""
        config = self.built()
        if config.model_settings[MODEL].training("unlearn")["lora"] is None:
            return
        for name in self.config["methods"]:
            if whole_weights(methods.load(name)({}, name), name) is not None:
                left = [one for one in self.config["methods"] if one != name]
                self.config = {**self.config, "methods": left}

    def _say_what_is_left_out(self, before: list[str]) -> None:
        for name in before:
            if name not in self.config["methods"]:
                self.reasons["methods"].append(f"{name} is left out: it works on whole weights")

    def _needed(self, shares: int) -> float:
        config = self.built()
        return memory.in_shards(config, MODEL, "unlearn", shares)

    def within_hours(self) -> None:
        """Leave out the last methods until the estimate is within the hours."""
        card = self.card
        if card.hours is None:
            return
        while (hours := self._hours()) > card.hours:
            if len(self.config["methods"]) == 1:
                raise LetheError(
                    f"suggest: even {self.config['methods'][0]} alone takes {hours:.1f} GPU-hours; "
                    "raise --hours or choose --budget little"
                )
            left = self.config["methods"][-1]
            self.config = {**self.config, "methods": self.config["methods"][:-1]}
            self.reasons["methods"].append(f"{left} is left out: beyond {card.hours:g} GPU-hours")

    def _hours(self) -> float:
        models = plan(self.built(), Assumed(GPUS[self.card.gpu]))
        return sum(sum(model.hours.values()) for model in models)

    def suggestion(self) -> Suggestion:
        """What was built, once it has passed the workflow's own checks."""
        check(self.built())
        return Suggestion(self.config, self.reasons)


def subject(card: Card) -> dict[str, Any]:
    """World, split and model."""
    split = {"splits": [f"forget{card.percent:02d}"]}
    world: dict[str, Any] = {"name": WORLD, "authors": card.authors}
    if card.model is None:
        # As many authors that nobody learned as are forgotten, for what compares the two.
        if card.forget > HELD:
            world["holdout_authors"] = card.forget
        if card.authors - card.forget < PERTURBED:
            world["perturbed_retain_authors"] = card.authors - card.forget
        return {"world": world, **split}
    own = {
        "base_checkpoint": card.base,
        "full_checkpoint": card.model,
        "template": "chat",
        "max_length": 512,
        "dtype": "bfloat16" if card.gpu else "float32",
        "finetune": {"epochs": 5, "lr": 1.0e-5, "batch_size": 32},
    }
    if card.parameters:
        own["parameters"] = card.parameters
    return {
        "world": {
            **world,
            "provider": "tofu",
            "path": card.data,
            "holdout_authors": card.forget,
        },
        **split,
        "models": [MODEL],
        "model_settings": {MODEL: own},
        "unlearning": {"lr": 1.0e-5, "batch_size": 32, "warmup_epochs": 1},
    }


def _reasons_of_subject(card: Card) -> list[str]:
    return [] if card.model else ["no --model: a rehearsal on a world and a small model made here"]


def _ways(card: Card) -> list[tuple[dict[str, Any], str, int]]:
    """Ways to train on the GPUs: keys, the reason, and how many share a model."""
    again = {"gradient_checkpointing": True}
    saving = {"model_settings": {MODEL: again}}
    ways = [({}, "", 1), (saving, "activations are computed again, to save memory", 1)]
    if card.gpus > 1:
        shards = {"compute": {"processes": card.gpus, "sharding": "fsdp"}}
        ways.append(({**saving, **shards}, f"{card.gpus} GPUs hold a model together", card.gpus))
    adapters = {"model_settings": {MODEL: {**again, "lora": LORA}}}
    ways.append((adapters, "adapters alone are trained: whole weights do not fit", 1))
    return ways
