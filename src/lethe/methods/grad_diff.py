"""Gradient difference: ascend on the forget set, descend on the retain set."""

from pydantic import Field

from lethe.methods import base


class Settings(base.Settings):
    """Weight of the retain term; TOFU uses 1."""

    retain_weight: float = Field(1.0, ge=0)


class Method(base.Method):
    """L = -CE(forget) + retain_weight * CE(retain) (TOFU, Eq. 4)."""

    paper = "TOFU, arXiv 2401.06121"
    needs = ("retain",)
    Settings = Settings

    def loss(self, model, step, reference):
        forget = model.answers(step.forget).mean_nll()
        retain = model.answers(step.retain).mean_nll()
        return -forget + self.settings.retain_weight * retain
