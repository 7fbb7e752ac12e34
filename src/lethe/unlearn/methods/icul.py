"""In-context unlearning (ICUL): rows with wrong answers, rows with true ones, the question."""

import random
from typing import Annotated, Literal

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.unlearn import one_shot
from lethe.unlearn.search_space import Choice


class ICULSettings(one_shot.OneShotSettings):
    """``nearest``: number of forget rows before a question, ``kept``: number of retain rows.

    ``answers``: the answers shown with forget rows: ``others``, that of another forget row, drawn
    once; ``refusals``, such as “I don't know”; ``alternatives``, proposed by the model itself.
    """

    nearest: Annotated[int, Choice((1, 2, 4))] = Field(2, ge=1)
    kept: Annotated[int, Choice((2, 4, 6))] = Field(4, ge=0)
    answers: Literal["others", "refusals", "alternatives"] = "others"


class Method(one_shot.Method):
    """Context: ``nearest`` forget rows with other answers, ``kept`` retain rows with their own.

    The paper classifies texts: first each text to be forgotten with a random wrong label, then some
    other texts with their own labels, then the query (Pawelczyk et al., section 4). For question
    answering [RECON] the labels are answers, and the context holds the forget rows most similar to
    the query, since it has no room for all. The retain rows are drawn once.
    """

    kind = "inference"
    pictures = False
    intervention = "context"
    paper = "ICUL, arXiv 2310.07579"
    needs = ("retain",)
    settings_class = ICULSettings

    def __init__(self, settings=None, name="method"):
        super().__init__(settings, name)
        retain = ("retain",) if self.settings.kept else ()
        answers = self.settings.answers
        self.needs = retain if answers == "others" else (*retain, answers)

    def act(self, model, data, seed):
        from lethe.model.intervention import attach, check_room
        from lethe.model.interventions.context import Intervention

        draw = random.Random(f"icul/{seed}")
        if len(data.retain_pairs) < self.settings.kept:
            raise LetheError(
                f"icul.kept: {self.settings.kept}, but there are {len(data.retain_pairs)} retain "
                "rows; lower it"
            )
        retain = draw.sample(list(data.retain_pairs), self.settings.kept)
        forget = [
            (question, draw.choice(self._others(data, row, answer)))
            for row, (question, answer) in enumerate(data.forget_pairs)
        ]
        intervention = Intervention(forget, retain, self.settings.nearest)
        attach(model, data.encoder.tokenizer, intervention)
        check_room(model, data, "icul.nearest, icul.kept: lower them")

    def _others(self, data, row: int, answer: str) -> list[str]:
        """The answers that a forget row may be shown with."""
        if self.settings.answers != "others":
            return list(data.alternates[row])
        others = [text for _, text in data.forget_pairs if text != answer]
        if not others:
            raise LetheError("icul.answers: all forget rows have the same answer; choose refusals")
        return others
