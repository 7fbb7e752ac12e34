"""KL minimisation: ascend on the forget set, stay close to the original model on the retain set."""

from pydantic import Field

from lethe.methods import base


class Settings(base.Settings):
    """Weight of the divergence; TOFU uses 1."""

    retain_weight: float = Field(1.0, ge=0)


class Method(base.Method):
    """L = -CE(forget) + retain_weight * KL(original || current) on retain (TOFU, Eq. 6).

    The divergence is a mean over the tokens of the retain sequences, prompts included, as in the
    paper; the official code also averages over padding up to 500 tokens.
    """

    paper = "TOFU, arXiv 2401.06121"
    needs = ("retain", "reference_model")
    Settings = Settings

    def loss(self, model, step, reference):
        import torch

        forget = model.answers(step.forget).mean_nll()
        with torch.no_grad():
            original = reference.frozen.all_logits(step.retain).log_softmax(-1)
        current = model.all_logits(step.retain).log_softmax(-1)
        divergence = (original.exp() * (original - current)).sum(-1).mean()
        return -forget + self.settings.retain_weight * divergence
