"""In-context unlearning: before every question, forget questions with other answers (ICUL)."""

import re
from collections.abc import Sequence
from functools import cached_property

from lethe.model.intervention import Base

Rows = Sequence[Sequence[str]]
WORD = re.compile(r"\w+")

QUESTIONS = True


class Intervention(Base):
    """Puts similar ``forget`` rows and all ``kept`` rows before a question, each on a line.

    Rows are pairs (question, answer). ``nearest``: how many ``forget`` rows, the most similar last,
    by the cosine similarity of their questions' words (``lethe.model.prompt_similarity``).
    """

    def __init__(self, forget: Rows, kept: Rows, nearest: int):
        self.forget, self.kept, self.nearest = forget, kept, nearest
        if not all(_is_pair(row) for row in (*forget, *kept)):
            raise ValueError("it needs rows of a question and an answer")
        if type(nearest) is not int or nearest < 0:
            raise ValueError("nearest is not a number of rows")

    def values(self) -> dict:
        rows = {"forget": self.forget, "kept": self.kept}
        return {
            **{name: [list(row) for row in some] for name, some in rows.items()},
            "nearest": self.nearest,
        }

    def question(self, text: str) -> str:
        rows = [self.forget[row] for row in self.like(text)] + list(self.kept)
        return "".join(f"{question} {answer}\n" for question, answer in rows) + text

    def like(self, text: str) -> list[int]:
        """Indices of the forget rows most like a question, the most similar last.

        Among equally similar rows the first are taken.
        """
        similar = (self._points @ self._vector([text])[0]).tolist()
        order = sorted(range(len(self.forget)), key=lambda row: (-similar[row], row))
        return order[: self.nearest][::-1]

    @cached_property
    def _words(self) -> dict[str, int]:
        words = sorted({word for question, _ in self.forget for word in _words(question)})
        return {word: place for place, word in enumerate(words)}

    @cached_property
    def _idf(self):
        from lethe.model import prompt_similarity

        return prompt_similarity.inverse_frequency(
            self._count([question for question, _ in self.forget])
        )

    @cached_property
    def _points(self):
        return self._vector([question for question, _ in self.forget])

    def _vector(self, texts: Sequence[str]):
        from lethe.model import prompt_similarity

        return prompt_similarity.vectors(self._count(texts), self._idf)

    def _count(self, texts: Sequence[str]):
        from lethe.model import prompt_similarity

        # Words that no forget row has cannot make a text similar to one.
        known = [[self._words[w] for w in _words(text) if w in self._words] for text in texts]
        return prompt_similarity.count(known, len(self._words))


def _is_pair(row: object) -> bool:
    known = isinstance(row, Sequence) and not isinstance(row, str) and len(row) == 2
    return known and all(isinstance(text, str) for text in row)


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())
