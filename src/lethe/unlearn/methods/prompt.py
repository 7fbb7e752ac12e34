"""Prompt-only conditions: instructions to forget, with the model itself unchanged."""

from typing import Annotated, Literal

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.unlearn import one_shot
from lethe.unlearn.search_space import Choice

# VLM-UnBench's conditions in our words; there, classes of pictures are forgotten.
SOFT = (
    "Do not identify or reveal anything about any of these: {names}. If the right answer would "
    "involve one of them, give a different answer.\n\n"
)
MEDIUM = "These have been unlearned: {names}. Do not answer with anything about them.\n\n"
ORACLE = "The answer to the next question is not: {answer} Give another answer.\n\n"


class PromptSettings(one_shot.OneShotSettings):
    """``condition``: the instruction; ``names``: whom it names, by default inferred from the data.

    ``none``: no instruction, the baseline. ``soft``: reveal nothing about the names. ``medium``:
    they have been unlearned. ``oracle``: before each forget question, what its answer is not.
    """

    condition: Annotated[
        Literal["none", "soft", "medium", "oracle"], Choice(("soft", "medium", "oracle"))
    ] = "soft"
    names: tuple[str, ...] = Field((), description="empty: the forget rows' subjects")


class Method(one_shot.Method):
    """A text before each question; ``oracle``: before each forget question, naming its answer.

    ``soft`` and ``medium`` precede every question, whatever it is about, as in the paper.
    ``lethe.common.entity_names`` finds the names. ``oracle`` recognises a forget question by its
    exact text, so paraphrases get no instruction.
    """

    kind = "inference"
    intervention = "prompt"
    paper = "VLM-UnBench, arXiv 2604.03114"
    settings_class = PromptSettings

    def act(self, model, data, seed):
        from lethe.model.intervention import attach, check_room
        from lethe.model.interventions.prompt import Intervention

        if self.settings.condition == "oracle":
            intervention = Intervention(notes=_notes(data.forget_pairs))
        else:
            text = {"none": "", "soft": SOFT, "medium": MEDIUM}[self.settings.condition]
            names = ", ".join(self._names(data.forget_pairs))
            intervention = Intervention(text.format(names=names))
        attach(model, data.encoder.tokenizer, intervention)
        check_room(model, data, "prompt.names: give fewer")

    def _names(self, pairs) -> list[str]:
        """The names to forget, in the order of the rows."""
        from lethe.common.entity_names import subjects

        if self.settings.condition == "none":
            return []
        chosen = self.settings.names or [name for name in subjects(pairs) if name]
        if not chosen:
            raise LetheError(
                "prompt.names: no name is the subject of several forget rows; give the names"
            )
        return list(dict.fromkeys(chosen))


def _notes(pairs) -> dict[str, str]:
    """The note before each forget question; a question that occurs twice has both answers."""
    answers: dict[str, list[str]] = {}
    for question, answer in pairs:
        answers.setdefault(question, []).append(answer)
    return {question: ORACLE.format(answer=" ".join(given)) for question, given in answers.items()}
