"""LIRA: teach the model to read forget questions as ones that it refuses, not to write refusals."""

from typing import Literal

from pydantic import Field

from lethe.train.optimizer_settings import Backpropagation
from lethe.unlearn import method


class LIRASettings(method.WeightedSettings):
    """``mask``: ``sag`` on refusals and ``dagger`` on retain rows, ``dagger`` on both, or none.

    ``responder``: whether response tokens are computed with the weights as they are, or with those
    of the start. ``boundary``: whether the last prompt token, which predicts the response's first,
    counts with the response or with the prompt.
    """

    mask: Literal["sag", "dagger", "none"] = "sag"
    responder: Literal["current", "start"] = "current"
    boundary: Literal["response", "prompt"] = "response"
    retain: Literal["nll"] = "nll"
    open_unlearning: Literal[False] = False
    # Estimates by differences of losses cannot be masked.
    gradient: Backpropagation = Field(default={"name": "backpropagation"}, validate_default=True)


class Method(method.Method):
    """L = CE(forget questions with a refusal) + CE(retain), with masked gradients (2604.10403).

    Its values are those of ``idk`` with ``one_mean: false``, its gradients are not
    (``lethe.unlearn.latent.gradient_mask``). Refusals (malign instruction, benign response) have
    SAG: a response token passes gradients to prompt tokens' keys and values alone. Retain rows
    (benign, benign) have SAG-dagger, which leaves the gradients between response tokens: only
    parameters at response tokens get none. Which side the last prompt token is on, and the weights
    of the two terms, were not available: both are settings [RECON]. With ``responder: start``
    response tokens are computed with the weights before unlearning, an ablation.
    """

    kind = "representation"
    pictures = False
    paper = "LIRA, arXiv 2604.10403"
    needs = ("refusals",)
    answers_forget = False
    # It differentiates with hooks on modules, which have no weights of their own in shards.
    whole_weights = True
    settings_class = LIRASettings

    axes: dict | None = None

    @property
    def recomputable(self):
        return self.settings.mask == "none"

    def __init__(self, settings=None, name="method"):
        super().__init__(settings, name)
        if self.settings.responder == "start":
            if self.settings.mask == "none":
                raise self._error("responder", "start needs a mask; set mask to sag or dagger")
            self.needs = (*self.needs, "reference_model")

    def prepare(self, model, data, seed, how=None):
        from lethe.unlearn.latent import gradient_mask

        if self.settings.mask != "none":
            gradient_mask.check(model, self.name)
            self.axes = gradient_mask.verify(model, data.forget[0], self.name)

    def forget(self, model, step, reference):
        return self._masked(model, step.alternate, reference, self.settings.mask == "sag")

    def retain(self, model, step, reference):
        return self._masked(model, step.retain, reference, False)

    def _masked(self, model, batch, reference, attention: bool):
        """The mean loss of a batch's answers; ``attention``: SAG, otherwise SAG-dagger."""
        from lethe.model.prompt_cache import response_tokens
        from lethe.unlearn.latent.gradient_mask import masked

        s = self.settings
        if s.mask == "none":
            return model.answers(batch).mean_nll()
        constants = None
        if s.responder == "start":
            start = reference.frozen.model
            constants = dict(start.named_parameters(remove_duplicate=False))
        response = response_tokens(batch, last_prompt_token=s.boundary == "response")
        with masked(model.model, batch, response, attention, self.axes, constants) as own:
            return model.answers(own).mean_nll()

    def _error(self, setting: str, what: str):
        from lethe.common.errors import LetheError

        return LetheError(f"{self.name}.{setting}: {what}")
