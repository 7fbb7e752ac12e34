"""Direct preference optimisation: prefer a refusal to the answer (IdkDPO)."""

from typing import Annotated

from pydantic import Field

from lethe.model.families import ANY
from lethe.train.passes import Passes
from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class DPOSettings(method.WeightedSettings):
    """``beta``: inverse temperature."""

    beta: Annotated[float, Range(0.02, 0.5, log=True)] = Field(0.1, gt=0)


class Method(method.Method):
    """L = -(2/beta) mean logsigmoid(beta (r_alternate - r_answer)) + retain term.

    r = log p - log p_reference, summed over an answer's tokens (Rafailov et al., Eq. 7, with NPO's
    factor 2/beta; NPO is this loss without the alternate). The reference is one number per answer.
    TOFU's code has neither the factor nor the retain term.
    """

    kind = "loss with reference"
    paper = "DPO, arXiv 2305.18290; with refusals TOFU, arXiv 2401.06121"
    families = ANY
    needs = ("reference_nll", "refusals")
    passes = Passes(forward=2, backward=2)
    settings_class = DPOSettings

    def forget(self, model, step, reference):
        from torch.nn.functional import logsigmoid

        beta = self.settings.beta
        answer = model.answers(step.forget).sequence_nll()
        alternate = model.answers(step.alternate).sequence_nll()
        lost = answer - reference.forget_nll[step.forget.index]
        gained = reference.alternate_nll[step.alternate.index] - alternate
        return -2 / beta * logsigmoid(beta * (gained + lost)).sum() / step.forget.rows_total
