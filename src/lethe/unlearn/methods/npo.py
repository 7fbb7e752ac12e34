"""Negative preference optimisation: gradient ascent that fades as rows are forgotten."""

from typing import Annotated

from pydantic import Field

from lethe.model.families import ANY
from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class NPOSettings(method.MethodSettings):
    """``beta``: inverse temperature; as it goes to 0 the gradient approaches gradient ascent's."""

    beta: Annotated[float, Range(0.02, 0.5, log=True)] = Field(0.1, gt=0)


class Method(method.Method):
    """L = -(2/beta) mean logsigmoid(-beta r).

    r = log p(answer) - log p_reference(answer), summed over the answer's tokens, not averaged
    (Zhang et al., Eq. 3). The reference is one number per forget row.
    """

    kind = "loss with reference"
    paper = "NPO, arXiv 2404.05868"
    families = ANY
    needs = ("reference_nll",)
    settings_class = NPOSettings

    def forget(self, model, step, reference):
        from torch.nn.functional import logsigmoid

        beta = self.settings.beta
        gain = model.answers(step.forget).sequence_nll() - reference.forget_nll[step.forget.index]
        return -2 / beta * logsigmoid(beta * gain).sum() / step.forget.rows_total
