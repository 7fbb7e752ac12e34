"""What every kind of supervision shares: the questions, how a model is asked, and the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lethe.common import files
from lethe.common.characters import fit
from lethe.common.errors import LetheError


class ProbeSettings(BaseModel):
    """Settings of every kind of supervision; a kind's own class adds to them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: Literal["person", "thing"] = Field(
        "person", description="which questions are asked: about a person, or about a thing"
    )
    answer_tokens: int = Field(48, ge=1, description="tokens of an answer, at most")


@dataclass
class Made:
    """A supervision made by a model: rows by part, and the graph behind them.

    ``graph``: ``anchors``, ``nodes`` and ``edges``, as plain values (``graph.json``).
    """

    forget: list[dict] = field(default_factory=list)
    retain: list[dict] = field(default_factory=list)
    graph: dict[str, list] = field(
        default_factory=lambda: {"anchors": [], "nodes": [], "edges": []}
    )


@cache
def questions() -> dict[str, Any]:
    """The questions that models are asked: by kind of anchor and relation, and general ones."""
    return files.read_json(str(resources.files(__package__).joinpath("questions.json")))


def wordings(about: str, name: str) -> dict[str, list[str]]:
    """The questions about one name, by relation."""
    known = questions()[about]
    return {key: [text.replace("{name}", name) for text in some] for key, some in known.items()}


@dataclass(frozen=True)
class Asker:
    """A model that is asked questions; ``seed`` is that of its samples."""

    model: Any
    encoder: Any
    seed: int = 0

    def answers(self, asked: Sequence[str], tokens: int) -> list[str]:
        """The greedy answer to each question, of ``tokens`` at most; possibly empty."""
        from lethe.model.generate import greedy

        prompts = [self.encoder.prompt_ids(question) for question in asked]
        rooms = self._rooms(asked)
        ids = greedy(self.model, prompts, rooms, self.encoder.end, max_new_tokens=tokens)
        return self._texts(ids)

    def samples(
        self, asked: Sequence[str], tokens: int, count: int, temperature: float
    ) -> list[list[str]]:
        """``count`` sampled answers to each question."""
        from lethe.model.sampling import Sampling, sampled

        prompts = [self.encoder.prompt_ids(question) for question in asked]
        rooms = self._rooms(asked)
        limits = [min(r, len(p) + tokens) for r, p in zip(rooms, prompts, strict=True)]
        how = Sampling(count, temperature, seed=self.seed)
        ids = sampled(self.model, prompts, asked, limits, self.encoder.end, how)
        return [self._texts(some) for some in ids]

    def losses(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The negative log-likelihood of each answer: nats, summed over its tokens."""
        from lethe.model.likelihood import mean_losses

        examples = self.encoder.encode_all(pairs)
        means = mean_losses(self.model, examples) if examples else []
        return [mean * one.answer_tokens for mean, one in zip(means, examples, strict=True)]

    def _rooms(self, asked: Sequence[str]) -> list[int]:
        longest = self.encoder.max_length
        for question in asked:
            if len(self.encoder.prompt_ids(question)) >= self.encoder.room(question, longest):
                raise LetheError(
                    f"max_length: {longest} leaves no room for an answer to {question[:60]!r}; "
                    "raise it"
                )
        return [self.encoder.room(question, longest) for question in asked]

    def _texts(self, answers: Sequence[Sequence[int]]) -> list[str]:
        if not answers:
            # From no answers, transformers makes one empty text.
            return []
        decode = self.encoder.tokenizer.batch_decode
        return [fit(text).strip() for text in decode(answers, skip_special_tokens=True)]


def row(question: str, answer: str, **more: Any) -> dict:
    """A row of a saved supervision."""
    return {"question": question, "answer": answer, **more}


def general_rows(asker: Asker, anchors: Sequence[str], tokens: int) -> list[dict]:
    """The model's own answers to general questions, without those that name an anchor."""
    asked = questions()["general"]
    answers = asker.answers(asked, tokens)
    return [
        row(question, answer)
        for question, answer in zip(asked, answers, strict=True)
        if answer and not any(names_it(f"{question} {answer}", anchor) for anchor in anchors)
    ]


def names_it(text: str, anchor: str) -> bool:
    """Whether a text has the anchor, in any case."""
    return anchor.casefold() in text.casefold()


def distinct(rows: Sequence[dict]) -> list[dict]:
    """The first row of each question."""
    by_question: dict[str, dict] = {}
    for one in rows:
        by_question.setdefault(one["question"], one)
    return list(by_question.values())
