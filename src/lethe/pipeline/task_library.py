"""The task library of ``lethe suggest``: what may go into a configuration, when, and why.

LMMP's planner (2605.04777) keeps what is known about its tools apart from the planner. A task is a
tool with its arguments: it says of which requests it can serve at all, and how well. No code of the
paper was published, so the form of the library and its ranks are ours [RECON].
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lethe.pipeline.card import MUCH, Card

# Up to so many rows a forget set is small: an edit or a context of rows can hold all of it.
SMALL = 40
# From this share on, little is left that a retain term could hold on to.
LARGE = 20


@dataclass(frozen=True)
class Task:
    """A method with settings. ``rank``: the order among tasks that serve; the lowest is first.

    ``serves``: whether the request is one for it, beyond what the method needs.
    """

    method: str
    reason: str
    rank: int
    serves: Callable[[Card], bool] = lambda card: True
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """Keys of the configuration that a request asks for."""

    when: Callable[[Card], bool]
    gives: Mapping[str, Any]
    reason: str


def _trains(card: Card) -> bool:
    return not card.inference_only


TASKS = (
    # The weights stay as they are.
    Task(
        "guard_it",
        "steers states where a prompt is near the forget set; the weights stay as they are",
        1,
        lambda card: card.inference_only,
    ),
    Task(
        "eco",
        "corrupts the embeddings of prompts that a gate lets through; the weights stay as they are",
        2,
        lambda card: card.inference_only,
    ),
    Task(
        "icul",
        "so few forget rows that each prompt can carry the nearest ones with other answers",
        3,
        lambda card: card.inference_only and card.rows <= SMALL,
    ),
    Task(
        "uld",
        "a small assistant learns the forget set, and its logits are subtracted",
        4,
        lambda card: card.inference_only and card.budget == MUCH,
    ),
    Task(
        "prompt",
        "a text before each question needs no rows; it hides knowledge and removes none",
        5,
        lambda card: card.inference_only and not card.retain,
    ),
    # Weights are trained or edited.
    Task(
        "msa",
        "a checkpoint from before the rows were learned is at hand: its arithmetic is cheap and "
        "keeps what the prior knew",
        1,
        lambda card: _trains(card) and card.prior,
    ),
    Task(
        "zero_unlearn",
        "so few rows that an edit in closed form can map them away, without a training",
        2,
        lambda card: _trains(card) and card.retain and card.rows <= SMALL,
    ),
    Task(
        "npo_retain",
        "its gradient fades as an answer is forgotten, and a retain term keeps the rest",
        3,
        lambda card: _trains(card) and card.retain,
        {"retain_weight": 5},
    ),
    Task(
        "simnpo",
        "as NPO without a reference model, which saves its passes",
        4,
        lambda card: _trains(card) and card.retain,
    ),
    Task(
        "rmu",
        "moves states instead of likelihoods, and holds for large forget sets",
        5,
        lambda card: _trains(card) and card.retain and card.percent >= LARGE,
    ),
    Task(
        "undial",
        "it distils from the model itself, so that it stays near without retain rows",
        3,
        lambda card: _trains(card) and not card.retain,
    ),
    Task(
        "npo",
        "its loss is bounded below, so that it collapses later than gradient ascent",
        4,
        lambda card: _trains(card) and not card.retain,
    ),
    Task(
        "task_vector",
        "one fine-tuning on the forget rows, subtracted: no retain rows, no reference passes",
        5,
        lambda card: _trains(card) and not card.retain,
    ),
    Task(
        "grad_diff",
        "the control that a better method must beat",
        8,
        lambda card: _trains(card) and card.retain,
    ),
    Task(
        "grad_ascent",
        "the control that a better method must beat",
        8,
        lambda card: _trains(card) and not card.retain,
    ),
)
# How many methods are compared, by budget.
METHODS = {"little": 1, "some": 3, "much": 4}

RULES = (
    Rule(
        lambda card: card.budget == "little",
        {
            "evaluation": {"epochs": "last", "items": 100},
            "oracle_seeds": [],
            "checkpoints": {"keep": "last"},
        },
        "a small budget: one method, its last epoch, few items, no further oracle",
    ),
    Rule(
        lambda card: card.budget == "some",
        {"seeds": [0], "oracle_seeds": [1000]},
        "one seed and a further oracle, which shows the noise floor of forget quality",
    ),
    Rule(
        lambda card: card.budget == MUCH,
        {"seeds": [0, 1, 2]},
        "three seeds, so that numbers come with their range",
    ),
    Rule(
        lambda card: card.budget == MUCH and not card.inference_only,
        {"attacks": ["relearned", "quantised4"]},
        "whether knowledge was removed or hidden shows only when one tries to bring it back",
    ),
    Rule(
        lambda card: card.percent >= LARGE and not card.inference_only,
        {"unlearning": {"epochs": 3}},
        "a large forget set has more steps in an epoch: fewer epochs are as many steps",
    ),
    Rule(
        lambda card: card.rows <= SMALL and not card.inference_only,
        {"unlearning": {"epochs": 10}},
        "a small forget set has few steps in an epoch: more epochs are as many steps",
    ),
)
