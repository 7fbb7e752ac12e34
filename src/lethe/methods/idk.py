"""Preference optimisation as TOFU has it: learn to say “I don't know” to forget questions."""

from pydantic import Field

from lethe.methods import base


class Settings(base.Settings):
    """``one_mean``: one mean over the tokens of both batches, as the official code has it."""

    retain_weight: float = Field(1.0, ge=0)
    one_mean: bool = True


class Method(base.Method):
    """L = CE(forget questions with a refusal) + CE(retain) (TOFU, Eq. 7).

    The paper adds two means. The official code takes one mean over the tokens of both, so that the
    longer retain answers weigh more; this is the default here, ``one_mean: false`` is the paper.
    """

    paper = "TOFU, arXiv 2401.06121"
    needs = ("retain", "refusals")
    Settings = Settings

    def loss(self, model, step, reference):
        refusal = model.answers(step.refusal).mean_nll()
        retain = self.settings.retain_weight * model.answers(step.retain).mean_nll()
        if not self.settings.one_mean:
            return refusal + retain
        ours, theirs = step.refusal.tokens_total, step.retain.tokens_total
        return (refusal * ours + retain * theirs) / (ours + theirs)
