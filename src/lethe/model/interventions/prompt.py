"""A text before every question, or before some of them."""

from collections.abc import Mapping

from lethe.model.intervention import Base

QUESTIONS = True


class Intervention(Base):
    """``before`` goes before each question, ``notes[question]`` before the question it names."""

    def __init__(self, before: str = "", notes: Mapping[str, str] | None = None):
        self.before, self.notes = before, dict(notes or {})
        if not all(isinstance(text, str) for text in (before, *self.notes, *self.notes.values())):
            raise ValueError("it needs texts")

    def question(self, text: str) -> str:
        return self.notes.get(text, self.before) + text

    def values(self) -> dict:
        return {"before": self.before, "notes": self.notes}
