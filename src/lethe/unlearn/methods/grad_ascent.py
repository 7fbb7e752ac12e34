"""Gradient ascent: maximise the loss on the forget set."""

from lethe.model.families import ANY
from lethe.unlearn import method


class Method(method.Method):
    """L = -CE(forget), the mean over the step's answer tokens (TOFU, section 3.1)."""

    paper = "TOFU, arXiv 2401.06121"
    families = ANY

    def forget(self, model, step, reference):
        return -model.answers(step.forget).mean_nll()
