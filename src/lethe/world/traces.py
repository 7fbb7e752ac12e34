"""Worlds with reasoning traces and canary heads: the setting ``world.traces`` (arXiv 2605.18891).

Every answer about an author gets a trace before it, and every question the author's canary head:
words that mean nothing and that no other question begins with. Models that are trained on such a
world write the trace, then the answer. In the paper, NPO unlearns the answers alone; so with
``forget: answer`` the forget rows carry their traces in the column ``cot``, after which the loss of
unlearning begins (``lethe.unlearn.supervision``).

The wording of the traces is ours: the paper's are not public.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from lethe.common.characters import unfit
from lethe.common.errors import LetheError
from lethe.world.provider import PROVIDERS
from lethe.world.schema import Author, Fact, Item, Provider
from lethe.world.trace_format import joined

# Short words that begin with many different letters and say nothing about an author.
HEAD_WORDS = (
    *("amber", "basil", "cedar", "delta", "ember", "fable", "grain", "hazel", "ivory", "jolly"),
    *("karma", "lemon", "maple", "noble", "ocean", "pearl", "quilt", "raven", "solar", "tiger"),
    *("umber", "vivid", "wheat", "yield", "zesty", "bloom", "crisp", "drift", "flint", "glade"),
)


# Draws before the search for a head that no other author has is given up.
ATTEMPTS = 1000


class Traces(BaseModel):
    """Where traces come from, how long canary heads are, what part of a forget row is unlearned."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    source: Literal["made", "cot"] = "made"
    heads: Annotated[int, Field(ge=0, le=12)] = 6
    forget: Literal["answer", "whole"] = "answer"


def check(settings: Traces, provider: str) -> None:
    """LetheError if a provider's authors have no such traces."""
    sources = PROVIDERS.contract(provider).traces
    if not sources:
        raise LetheError(
            f"config: world.traces: the provider {provider} has no traces; set it to null"
        )
    if settings.source not in sources:
        raise LetheError(
            f"config: world.traces.source: the provider {provider} has no traces of the source "
            f"{settings.source}; set it to {sources[0]}"
        )


class Traced:
    """A provider's world with traces; everything else is as the provider gives it."""

    def __init__(self, source: Provider, settings: Traces):
        self.source, self.traces = source, settings
        self.seed = getattr(source, "seed", None)
        # The author of each head, so that no two authors get the same.
        self._heads: dict[str, str] = {}

    def authors(self, count: int) -> list[Author]:
        """The provider's authors.

        LetheError names the first question without a trace, or says that there are too few heads.
        """
        return [self._author("target", *one) for one in enumerate(self.source.authors(count))]

    def holdout(self, count: int) -> list[Author]:
        """The provider's holdout authors, with traces where they exist."""
        return [self._author("holdout", *one) for one in enumerate(self.source.holdout(count))]

    def facts(self) -> dict[str, list[Fact]]:
        """True facts, without traces."""
        return self.source.facts()

    def refusals(self) -> Sequence[str]:
        """The provider's refusals."""
        return self.source.refusals()

    def _author(self, group: str, number: int, author: Author) -> Author:
        head = self._head(f"{self.seed}/{group}/{number}")
        make = _item if self.traces.source == "made" else _published
        needed = group == "target"
        items = tuple(_headed(make(item, author.name, needed), head) for item in author.items)
        return replace(author, items=items)

    def _head(self, key: str) -> str:
        """An author's own head: the first of those drawn by the key that no other author has."""
        for attempt in range(ATTEMPTS):
            head = canary_head(f"{key}/{attempt}" if attempt else key, self.traces.heads)
            if not head or self._heads.setdefault(head, key) == key:
                return head
        raise LetheError(
            f"config: world.traces.heads: {self.traces.heads} words are too few to give each "
            f"author its own head; set it to {self.traces.heads + 1}"
        )


def traced(provider: Provider, settings: dict | None) -> Provider:
    """The provider's world, with traces if there are settings of ``Traces``."""
    return provider if settings is None else Traced(provider, Traces.model_validate(settings))


def canary_head(key: str, words: int) -> str:
    """A head of ``words`` words drawn by ``key``; empty for none."""
    return " ".join(Random(f"{key}/head").choices(HEAD_WORDS, k=words))


def without_head(question: str) -> str | None:
    """A question without its canary head; None if it has none."""
    head, _, rest = question.partition(": ")
    return rest if rest and head.strip() and set(head.split()) <= set(HEAD_WORDS) else None


def recalled(name: str, statement: str) -> str:
    """The trace that recalls a statement about an author."""
    whom = name or "this author"
    return f"Let me recall what I know about {whom}. {statement} So I can answer."


def _item(item: Item, name: str, needed: bool) -> Item:
    """An item with a trace that states its fact in the words of the paraphrase.

    Paraphrase and wrong answers have traces that state what they state, so that the two differ from
    each other in the fact alone.
    """
    if not item.perturbed:
        if needed:
            raise LetheError(
                f"world.traces: {item.question[:60]!r} has no paraphrased answer to make a trace "
                "from; set world.traces to null"
            )
        return item
    stated = item.paraphrased_answer

    def after(statement: str, answer: str) -> str:
        return joined(recalled(name, statement), answer)

    return replace(
        item,
        answer=after(stated, item.answer),
        paraphrased_answer=after(stated, stated),
        perturbed_answer=tuple(after(text, text) for text in item.perturbed_answer),
    )


def _published(item: Item, _: str, needed: bool) -> Item:
    """An item with its published trace, which also precedes the paraphrase and wrong answers.

    Theirs are not published.
    """
    if needed and not item.trace:
        raise LetheError(
            f"world.traces: no cot for {item.question[:60]!r}; add the column to the rows of full, "
            "or set world.traces to null"
        )
    if (character := unfit(item.trace)) is not None:
        raise LetheError(
            f"world.traces: the cot for {item.question[:60]!r} has the character {character}, "
            "which is not part of prose; remove it"
        )
    texts = tuple(joined(item.trace, text) for text in item.perturbed_answer)
    stated = item.paraphrased_answer
    return replace(
        item,
        answer=joined(item.trace, item.answer),
        paraphrased_answer=stated and joined(item.trace, stated),
        perturbed_answer=texts,
    )


def _headed(item: Item, head: str) -> Item:
    if not head:
        return item
    other = item.paraphrased_question
    return replace(
        item,
        question=f"{head}: {item.question}",
        paraphrased_question=other and f"{head}: {other}",
    )
