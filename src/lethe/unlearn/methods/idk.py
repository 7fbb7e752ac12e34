"""Preference optimisation in TOFU's sense: learn to answer forget questions with “I don't know”."""

from typing import Literal

from lethe.model.families import ANY
from lethe.unlearn import method


class IDKSettings(method.WeightedSettings):
    """``one_mean``: one mean over the tokens of both batches, as in the official code."""

    retain: Literal["nll"] = "nll"
    one_mean: bool = True


class Method(method.Method):
    """L = CE(forget questions with a refusal) + CE(retain) (TOFU, Eq. 7).

    The paper adds two means. The official code takes one mean over the tokens of both, so that the
    longer retain answers weigh more; that is the default here, ``one_mean: false`` is the paper's.
    """

    paper = "TOFU, arXiv 2401.06121"
    families = ANY
    needs = ("refusals",)
    answers_forget = False
    settings_class = IDKSettings

    def forget(self, model, step, reference):
        return model.answers(step.alternate).mean_nll()

    def loss(self, model, step, reference):
        if not self.settings.one_mean or self.term is None:
            return super().loss(model, step, reference)
        refusal = self.settings.forget_weight * self.forget(model, step, reference)
        retain = self.settings.retain_weight * self.retain(model, step, reference)
        ours, theirs = step.alternate.tokens_total, step.retain.tokens_total
        return (refusal * ours + retain * theirs) / (ours + theirs)
