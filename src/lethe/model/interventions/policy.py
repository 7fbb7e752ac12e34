"""Learned prefixes before questions: one for those near the forget set, one for others (CAP)."""

import re
from collections.abc import Sequence

import torch

from lethe.model import prompt_similarity
from lethe.model.intervention import Base
from lethe.model.prompt_gate import GATE, Gated

QUESTIONS = True
WORD = re.compile(r"\w+")


class Intervention(Base):
    """Puts ``prefixes[0]`` before questions near the forget set, ``prefixes[1]`` before all others.

    A question is near if the cosine of its words' weighted counts and the nearest of ``centroids``
    is at least ``threshold``, as in ``lethe.model.prompt_gate``, over the words ``terms``. An empty
    prefix leaves a question as it is. ``words`` [V] and ``table`` [2, L, V], the logits of the
    policy that found the prefixes, are kept for readers; answers do not depend on them.
    """

    def __init__(
        self,
        prefixes: Sequence[str],
        words: Sequence[str],
        terms: Sequence[str],
        threshold: float,
        table: torch.Tensor,
        **gate: torch.Tensor,
    ):
        texts = (*prefixes, *words, *terms)
        if len(prefixes) != 2 or not all(isinstance(text, str) for text in texts):
            raise ValueError("it needs two prefixes, words and terms, all of them texts")
        if table.dim() != 3 or table.shape[::2] != (2, len(words)):
            raise ValueError("the policy's table does not fit its words")
        self.prefixes, self.words, self.terms = list(prefixes), list(words), list(terms)
        self.table, self.gated = table, Gated(threshold, **gate)
        if len(gate["idf"]) != len(terms):
            raise ValueError("the gate's weights do not fit its terms")

    def values(self) -> dict:
        own = {"prefixes": self.prefixes, "words": self.words, "terms": self.terms}
        return {**own, **self.gated.values()}

    def tensors(self) -> dict[str, torch.Tensor]:
        return {"table": self.table, **{name: self.gated.data[name] for name in GATE}}

    def question(self, text: str) -> str:
        return joined(self.prefixes[0 if self.near(text) else 1], text)

    def near(self, text: str) -> bool:
        """Whether a question is near the forget set."""
        return self.gated.gate(counted([text], self.terms)).item() >= 0


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return WORD.findall(text.lower())


def counted(texts: Sequence[str], terms: Sequence[str]) -> torch.Tensor:
    """How often each of ``terms`` occurs in each text, [texts, terms]."""
    place = {term: number for number, term in enumerate(terms)}
    known = [[place[word] for word in words_of(text) if word in place] for text in texts]
    return prompt_similarity.count(known, len(terms))


def joined(prefix: str, text: str) -> str:
    """A question after a prefix."""
    return f"{prefix} {text}" if prefix else text
