"""SimNPO: NPO without a reference, on length-normalised likelihoods."""

from typing import Annotated

from pydantic import Field

from lethe.model.families import ANY
from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class SimNPOSettings(method.WeightedSettings):
    """``delta``: margin of the mean log-likelihood. The defaults are open-unlearning's."""

    beta: Annotated[float, Range(1.0, 10.0, log=True)] = Field(4.5, gt=0)
    delta: Annotated[float, Range(0.0, 1.0)] = Field(0.0, ge=0)
    forget_weight: float = Field(0.125, gt=0)


class Method(method.Method):
    """L = -(2/beta) mean logsigmoid(beta (nll / tokens - delta)) + retain term (Fan et al.).

    ``nll / tokens`` is the mean over an answer's tokens.
    """

    paper = "SimNPO, arXiv 2410.07163"
    families = ANY
    settings_class = SimNPOSettings

    def forget(self, model, step, reference):
        from torch.nn.functional import logsigmoid

        s, answers = self.settings, model.answers(step.forget)
        mean = answers.sequence_nll() / answers.sequence_tokens()
        return -2 / s.beta * logsigmoid(s.beta * (mean - s.delta)).sum() / step.forget.rows_total
