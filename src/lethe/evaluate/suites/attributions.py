"""Attributions: which words of a multiple-choice question its chosen letter rests on.

Each question is put as a list of lettered options (``lethe.evaluate.choices``). The logit of the
letter that the model prefers is attributed to the words of the prompt by integrated gradients over
its input embeddings (arXiv 2605.20915; ``lethe.model.attribution``). A word of several tokens has
the value of the token with the largest magnitude; for a word that occurs several times, the largest
value counts.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np

from lethe.common.novel_words import WORD
from lethe.evaluate.choices import Choice, choices
from lethe.evaluate.records import ItemSet, nested
from lethe.evaluate.suite import Limits
from lethe.model.attribution import Attribution, integrated_gradients
from lethe.model.encoder import Encoder, Example
from lethe.model.likelihood import mean_losses
from lethe.model.token_places import token_places

SETS = {"forget": "forget_perturbed", "retain": "retain_perturbed"}
COLUMNS = ("label", "predicted", "word", "word_attribution", "attributed")
PROBE = True
PICTURES = False
SETTINGS = {
    "steps": {"default": 20, "least": 1, "most": 10000},
    "baseline": ("zero", "mean"),
}
CHAT = True
# Tokens of prompt and letter: lists of options are longer than the data's questions.
LONGEST = 512


@dataclass(frozen=True)
class Asked:
    """A question with its letters, tokenised, and the tokens of each word of its prompt."""

    choice: Choice
    letters: list[Example]
    words: list[tuple[str, list[int]]]


@dataclass(frozen=True)
class Prepared:
    """Questions by set, and in how many steps and from where they are attributed."""

    asked: dict[str, list[Asked]]
    steps: int
    baseline: str


def check(rows: Mapping[str, Sequence[dict]], settings: Mapping) -> None:
    """LetheError names the first row without options."""
    for name, some in rows.items():
        choices(name, some)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]], settings: Mapping) -> Prepared:
    """Tokenise every prompt with each of its letters."""
    roomy = copy.copy(encoder)
    roomy.max_length = LONGEST
    asked = {
        name: [_asked(roomy, choice) for choice in choices(name, some)]
        for name, some in rows.items()
    }
    return Prepared(asked, **settings)


def _asked(encoder: Encoder, choice: Choice) -> Asked:
    prompt = choice.asked(choice.question)
    pairs = [(prompt, letter) for letter in ascii_uppercase[: len(choice.options)]]
    opened = [example.without_end(encoder.end) for example in encoder.encode_all(pairs)]
    return Asked(choice, opened, words_of(encoder.tokenizer, opened[0], prompt))


def words_of(tokenizer, example: Example, prompt: str) -> list[tuple[str, list[int]]]:
    """The words of a prompt in lower case, each with its tokens, in the order of the prompt.

    What a template writes around the prompt is left out, if the prompt's text can be located.
    """
    text, places = token_places(tokenizer, example.ids[: example.start])
    begin = max(0, text.rfind(prompt))
    end = begin + len(prompt) if prompt in text else len(text)
    words = []
    for match in WORD.finditer(text, begin, end):
        tokens = [k for k, (a, b) in enumerate(places) if a < match.end() and match.start() < b]
        words.append((match[0].lower(), tokens))
    return words


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """What one model prefers, and the words that this rests on."""
    everything = [asked for some in prepared.asked.values() for asked in some]
    preferred = _preferred(model, everything, limits.token_budget)
    chosen = [asked.letters[k] for asked, k in zip(everything, preferred, strict=True)]
    made = integrated_gradients(
        model, chosen, prepared.steps, prepared.baseline, limits.token_budget
    )
    answers = iter(zip(everything, preferred, made, strict=True))
    return {name: _item_set([next(answers) for _ in some]) for name, some in prepared.asked.items()}


def _preferred(model, everything: Sequence[Asked], budget: int | None) -> list[int]:
    """The number of each question's letter with the lowest loss."""
    losses: Iterator[float] = iter(
        mean_losses(model, [letter for asked in everything for letter in asked.letters], budget)
    )
    return [int(np.argmin([next(losses) for _ in asked.letters])) for asked in everything]


def _item_set(answers: Sequence[tuple[Asked, int, Attribution]]) -> ItemSet:
    words = [by_word(asked.words, made) for asked, _, made in answers]
    return ItemSet(
        question=[asked.choice.question for asked, _, _ in answers],
        answer=[asked.choice.answer for asked, _, _ in answers],
        label=[asked.choice.letter for asked, _, _ in answers],
        predicted=[ascii_uppercase[k] for _, k, _ in answers],
        word=[list(some) for some in words],
        word_attribution=nested([list(some.values()) for some in words], float),
        attributed=nested([[made.tokens.sum(), made.difference] for *_, made in answers], float),
    )


def by_word(words: Sequence[tuple[str, list[int]]], made: Attribution) -> dict[str, float]:
    """The value of largest magnitude of each word's tokens."""
    values: dict[str, float] = {}
    for word, tokens in words:
        for value in made.tokens[tokens].tolist():
            if abs(value) >= abs(values.get(word, 0.0)):
                values[word] = value
    return values
