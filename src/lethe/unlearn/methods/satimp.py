"""SatImp: gradient ascent weighted by saturation and importance of tokens."""

from typing import Annotated

from pydantic import Field

from lethe.model.families import ANY
from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class SatImpSettings(method.WeightedSettings):
    """``beta1``, ``beta2``: exponents of the likelihood (saturation) and of 1 - it (importance)."""

    beta1: Annotated[float, Range(1.0, 10.0, log=True)] = Field(5.0, ge=0)
    beta2: float = Field(1.0, ge=0)
    forget_weight: float = Field(0.1, gt=0)


class Method(method.Method):
    """L = mean p^beta1 (1 - p)^beta2 log p over answer tokens + retain term (Yang et al.).

    The weights p^beta1 (1 - p)^beta2 are held constant. With beta2 = 0 it is WGA.
    """

    paper = "SatImp, arXiv 2505.11953"
    families = ANY
    settings_class = SatImpSettings

    def forget(self, model, step, reference):
        nll = model.answers(step.forget).token_nll()
        p = (-nll.detach()).exp()
        weight = p**self.settings.beta1 * (1 - p) ** self.settings.beta2
        return -(weight * nll).sum() / step.forget.tokens_total
