"""Multiple choice by letters: the options are listed, and the letter of one is the answer.

Each question is put under several prompts (``lethe.evaluate.choices``): the five conditions of
VLM-UnBench (arXiv 2604.03114), reworded if the data have another wording, and under three controls
that do not ask it. Recorded are the loss of each option's letter and what the model writes.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from lethe.evaluate.choices import Choice, choices, forgotten, lettered
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites._choice_records import item_set
from lethe.model import token_mixing
from lethe.model.encoder import Encoder, Example
from lethe.model.generate import greedy
from lethe.model.likelihood import mean_losses

SETS = {"forget": "forget_perturbed", "retain": "retain_perturbed"}
COLUMNS = ("option", "prompt", "prompt_generation", "option_loss", "option_tokens")
PROBE = True
CHAT = True
# Tokens of prompt and answer: lists of options and names are longer than the data's questions.
LONGEST = 512
# Tokens of an answer: enough for a letter with words around it, or for how a refusal begins.
WRITTEN = 16


@dataclass(frozen=True)
class Prepared:
    """Questions and their prompts by set, and letters and prompts of all of them, tokenised."""

    asked: dict[str, list[Choice]]
    prompts: dict[str, list[dict[str, str]]]
    examples: list[Example]
    encoder: Encoder


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row without options."""
    for name, some in rows.items():
        choices(name, some)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every letter after every prompt; prompts that are too long are left out."""
    roomy = copy.copy(encoder)
    roomy.max_length = LONGEST
    asked = {name: choices(name, some) for name, some in rows.items()}
    names = forgotten(rows.get("forget", ()))
    prompts = {
        name: [_fitting(roomy, made) for made in lettered(name, some, names)]
        for name, some in asked.items()
    }
    pairs = [
        (text, letter)
        for name, some in asked.items()
        for choice, made in zip(some, prompts[name], strict=True)
        for text in made.values()
        for letter in ascii_uppercase[: len(choice.options)]
    ]
    examples = [example.without_end(encoder.end) for example in roomy.encode_all(pairs)]
    return Prepared(asked, prompts, examples, roomy)


def _fitting(encoder: Encoder, prompts: dict[str, str]) -> dict[str, str]:
    room = {text: encoder.room(text, LONGEST) - WRITTEN for text in prompts.values()}
    return {
        name: text for name, text in prompts.items() if len(encoder.prompt_ids(text)) <= room[text]
    }


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """Losses of letters and generations of all prompts under one model.

    LetheError if the model has fewer positions than a prompt needs.
    """
    remedy = "leave out the metrics that read suite 'choice_letters'"
    # Generations are longer than the letter whose loss is compared.
    lengths = [example.start + WRITTEN for example in prepared.examples]
    token_mixing.check_lengths(model, lengths, "a prompt with its answer", remedy)
    losses = iter(mean_losses(model, prepared.examples, limits.token_budget))
    tokens = iter(example.answer_tokens for example in prepared.examples)
    written = iter(_written(model, prepared))
    sets = {}
    for name, some in prepared.asked.items():
        prompts = [list(made) for made in prepared.prompts[name]]
        said = [[next(written) for _ in made] for made in prompts]
        sets[name] = item_set(some, prompts, losses, tokens, said)
    return sets


def _written(model, prepared: Prepared) -> list[str]:
    encoder = prepared.encoder
    texts = [text for some in prepared.prompts.values() for made in some for text in made.values()]
    ids = [encoder.prompt_ids(text) for text in texts]
    room = [encoder.room(text, LONGEST) for text in texts]
    answers = greedy(model, ids, room, encoder.end, max_new_tokens=WRITTEN)
    decoded = encoder.tokenizer.batch_decode(answers, skip_special_tokens=True)
    return [text.strip() for text in decoded]
