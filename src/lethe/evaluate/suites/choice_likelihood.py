"""Multiple choice by likelihood: each option is an answer to the question, and none is listed.

It suits any model, whether or not it knows lettered options. Controls do not ask the question
(``lethe.evaluate.choices``). Where options are parts of answers, whole answers are compared too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lethe.evaluate.choices import Choice, answered, choices
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites._choice_records import item_set
from lethe.model.encoder import Encoder, Example
from lethe.model.likelihood import mean_losses

SETS = {"forget": "forget_perturbed", "retain": "retain_perturbed"}
FAMILIES = ("causal", "masked_diffusion")
COLUMNS = ("option", "prompt", "option_loss", "option_tokens")
PROBE = True


@dataclass(frozen=True)
class Prepared:
    """Questions and the names of their prompts by set, and all options, tokenised."""

    asked: dict[str, list[Choice]]
    prompts: dict[str, list[list[str]]]
    examples: list[Example]


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row without options."""
    for name, some in rows.items():
        choices(name, some)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every option after every prompt."""
    asked = {name: choices(name, some) for name, some in rows.items()}
    prompts = {name: answered(some) for name, some in asked.items()}
    pairs = [
        (text, option)
        for some in prompts.values()
        for made in some
        for text, options in made.values()
        for option in options
    ]
    named = {name: [list(made) for made in some] for name, some in prompts.items()}
    return Prepared(asked, named, encoder.encode_all(pairs))


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The loss of every option under one model."""
    losses = iter(mean_losses(model, prepared.examples, limits.token_budget))
    tokens = iter(example.answer_tokens for example in prepared.examples)
    return {
        name: item_set(some, prepared.prompts[name], losses, tokens)
        for name, some in prepared.asked.items()
    }
