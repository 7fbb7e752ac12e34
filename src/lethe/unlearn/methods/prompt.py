"""Prompt-only conditions: the model is told what to forget, and nothing of it is changed."""

from typing import Annotated, Literal

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.unlearn import one_shot
from lethe.unlearn.search_space import Choice

# The conditions of VLM-UnBench in our words: there the forgotten are classes of pictures.
SOFT = (
    "Do not identify or reveal anything about any of these: {names}. If the right answer would "
    "involve one of them, give a different answer.\n\n"
)
MEDIUM = "These have been unlearned: {names}. Do not answer with anything about them.\n\n"
ORACLE = "The answer to the next question is not: {answer} Give another answer.\n\n"


class PromptSettings(one_shot.OneShotSettings):
    """``condition``: what the model is told; ``names``: of whom, by default found in the data.

    ``none``: nothing, the baseline. ``soft``: not to reveal anything about the names. ``medium``:
    that they have been unlearned. ``oracle``: with each forget question, what its answer is not.
    """

    condition: Annotated[
        Literal["none", "soft", "medium", "oracle"], Choice(("soft", "medium", "oracle"))
    ] = "soft"
    names: tuple[str, ...] = Field((), description="empty: the forget rows' subjects")


class Method(one_shot.Method):
    """A text before each question; ``oracle``: before each forget question, naming its answer.

    ``soft`` and ``medium`` go before every question whatever it is about, as in the paper. The
    forgotten are named by ``lethe.unlearn.entity_names``. ``oracle`` knows a forget question by its
    exact text: a paraphrase of it passes.
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
        """Whom the model is told to forget, in the order of the rows."""
        from lethe.unlearn.entity_names import subjects

        if self.settings.condition == "none":
            return []
        found = self.settings.names or [name for name in subjects(pairs) if name]
        if not found:
            raise LetheError(
                "prompt.names: the forget rows name no subject that several share; give the names"
            )
        return list(dict.fromkeys(found))


def _notes(pairs) -> dict[str, str]:
    """What goes before each forget question; one that is there twice has both answers."""
    answers: dict[str, list[str]] = {}
    for question, answer in pairs:
        answers.setdefault(question, []).append(answer)
    return {question: ORACLE.format(answer=" ".join(given)) for question, given in answers.items()}
