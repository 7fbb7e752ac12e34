"""What a probe measured on one checkpoint, question by question."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lethe.common.errors import LetheError


@dataclass(frozen=True)
class Measured:
    """Values by question, each higher where the model knows more, with the texts of examples.

    ``said``: a text for each question. ``chance``: what the same model scores where it cannot know:
    for the same questions if ``paired``, else for others; empty if the probe has no such number.
    LetheError for lists of different lengths, for no questions, and for values that are not finite.
    """

    questions: Sequence[str]
    answers: Sequence[str]
    values: Sequence[float]
    said: Sequence[str]
    chance: Sequence[float] = ()
    paired: bool = False

    def __post_init__(self):
        lengths = {len(self.questions), len(self.answers), len(self.values), len(self.said)}
        if len(lengths) > 1 or not self.questions:
            raise LetheError("probe: give as many answers, values and texts as questions")
        if not all(map(math.isfinite, (*self.values, *self.chance))):
            raise LetheError("probe: a value is not finite: check the checkpoint's weights")

    @property
    def mean(self) -> float:
        """The mean over questions."""
        return math.fsum(self.values) / len(self.values)
