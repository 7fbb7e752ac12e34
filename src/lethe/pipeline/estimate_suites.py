"""What each suite asks of a checkpoint, as ``lethe.pipeline.estimate`` counts it.

A suite without an entry in ``COUNTED`` is not part of a plan, which names it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lethe.evaluate import choices, prefills, suite
from lethe.evaluate.variants import kinds
from lethe.pipeline import memory, splits
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.settings import items_of, suite_settings
from lethe.pipeline.memory import ANSWER, QUESTION

# Mean tokens, in addition to those of lethe.pipeline.memory; the short answers are to questions
# about real authors and world facts.
OTHER_ANSWER, SHORT_QUESTION, SHORT_ANSWER = 50, 15, 5
# Different prompts of a question in the suite agent_memory, some of whose memories are equal.
MEMORIES = 10
# Letters of a question, and tokens that may be written after each of its prompts.
LETTERS, WRITTEN = 4, 16
# Suites that are counted with the scenario that asks them (``lethe.pipeline.estimate_scenarios``).
ELSEWHERE = {"requests"}


@dataclass(frozen=True)
class Work:
    """Tokens that are read, tokens that are also differentiated, and answers that are written.

    ``prompt``: tokens before each answer, and ``length`` those of an answer; None for a question
    of the data and an answer that runs to the limit.
    """

    read: float = 0
    differentiated: float = 0
    answers: float = 0
    prompt: float | None = None
    length: float | None = None


@dataclass(frozen=True)
class Asked:
    """What a checkpoint of a split is asked about.

    ``forget``: asked rows of the forget set; ``long``: those of it and of the retain set;
    ``short``: those about real authors and world facts; ``row``: tokens of a row; ``template``:
    tokens of a row that are neither question nor answer.
    """

    config: Config
    model: str
    split: str
    forget: int
    long: int
    short: int
    row: float
    template: float

    def settings(self, name: str) -> Mapping[str, Any]:
        return suite_settings(self.config, name)

    @property
    def compared(self) -> float:
        """Tokens of a question with all its answers: the right one, its paraphrase, five wrong."""
        return self.template + QUESTION + ANSWER + 6 * OTHER_ANSWER

    def items(self, name: str) -> int:
        """Rows of a suite's own sets that are asked about, where the split has so many."""
        counts = splits.of_name(self.config, self.split).rows(self.config.world.authors)
        sets = suite.contract(name).sets
        most = items_of(self.config, sets)
        return sum(min(most[key], counts.get(part, 0)) for key, part in sets.items())


def _tofu(asked: Asked) -> Work:
    short = asked.short * (asked.template + SHORT_QUESTION + 4 * SHORT_ANSWER)
    return Work(read=asked.long * asked.compared + short, answers=asked.long + asked.short)


def _as_tofu(name: str) -> Callable[[Asked], Work]:
    """A suite that asks about a split's further rows as TOFU's asks about its own."""

    def work(asked: Asked) -> Work:
        items = asked.items(name)
        return Work(read=items * asked.compared, answers=items)

    return work


def _open_questions(asked: Asked) -> Work:
    items = asked.items("open_questions")
    return Work(read=items * asked.row, answers=items)


def _attributions(asked: Asked) -> Work:
    # Options are in the prompt.
    tokens = asked.row + LETTERS * OTHER_ANSWER
    return Work(differentiated=(asked.settings("attributions")["steps"] + 2) * asked.long * tokens)


def _depth(asked: Asked) -> Work:
    passes = 2 + memory.layers(asked.config, asked.model)
    return Work(read=passes * asked.forget * asked.row)


def _languages(asked: Asked) -> Work:
    every = 1 + len(asked.config.world.languages.names)
    return Work(read=every * asked.long * asked.compared)


def _variants(asked: Asked) -> Work:
    chosen = asked.settings("variants")
    put = kinds.named(chosen["kinds"])
    views = [name for name in put if name in kinds.VIEWS]
    questions = asked.forget * (1 + len(put)) + (asked.long - asked.forget) * (1 + len(views))
    return Work(answers=questions * (1 + chosen["samples"]))


def _traces(asked: Asked) -> Work:
    named = prefills.named(asked.settings("traces")["prefills"])
    return Work(answers=len(named) * asked.long)


def _letters(items: int, asked: Asked) -> Work:
    prompts = items * len((*choices.CONDITIONS, *choices.CONTROLS))
    prompt = asked.template + QUESTION + LETTERS * OTHER_ANSWER
    return Work(prompts * (prompt + LETTERS), 0, prompts, prompt, WRITTEN)


def _choice_likelihood(asked: Asked) -> Work:
    prompts = asked.long * (1 + len(choices.CONTROLS))
    return Work(read=prompts * (asked.template + QUESTION + LETTERS * OTHER_ANSWER))


def _edu_relat(asked: Asked) -> Work:
    prompt = asked.template + SHORT_QUESTION
    written = asked.settings("edu_relat")["tokens"]
    return Work(answers=asked.items("edu_relat"), prompt=prompt, length=written)


def _sampled(asked: Asked) -> Work:
    return Work(answers=asked.settings("sampled")["samples"] * asked.forget)


COUNTED: Mapping[str, Callable[[Asked], Work]] = {
    "agent_memory": lambda asked: Work(answers=MEMORIES * asked.forget),
    "alignment": lambda asked: Work(differentiated=2 * asked.long * asked.row),
    "answers": lambda asked: Work(answers=asked.long + asked.forget),
    "attributions": _attributions,
    "behaviour": _as_tofu("behaviour"),
    "choice_letters": lambda asked: _letters(asked.long, asked),
    "choice_likelihood": _choice_likelihood,
    "depth": _depth,
    "edu_relat": _edu_relat,
    "family": _as_tofu("family"),
    "gradients": lambda asked: Work(differentiated=2 * asked.forget * asked.row),
    "kept": _as_tofu("kept"),
    "languages": _languages,
    "open_questions": _open_questions,
    "phrasings": lambda asked: Work(read=4 * asked.forget * asked.row),
    "picture_choices": lambda asked: _letters(asked.items("picture_choices"), asked),
    "pictures": _as_tofu("pictures"),
    "sampled": _sampled,
    "tofu": _tofu,
    "tokens": lambda asked: Work(read=2 * asked.forget * asked.row),
    "traces": _traces,
    "variants": _variants,
}
