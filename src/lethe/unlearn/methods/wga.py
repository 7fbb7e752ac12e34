"""Weighted gradient ascent: tokens that are already unlikely count less."""

from typing import Annotated

from pydantic import Field

from lethe.model.families import ANY
from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class WGASettings(method.WeightedSettings):
    """``beta``: exponent of a token's likelihood in its weight; 0 is gradient difference."""

    beta: Annotated[float, Range(0.25, 4.0, log=True)] = Field(1.0, ge=0)


class Method(method.Method):
    """L = mean p^beta log p over answer tokens + retain term, p^beta constant (Wang et al.)."""

    paper = "WGA, arXiv 2502.19301"
    families = ANY
    settings_class = WGASettings

    def forget(self, model, step, reference):
        nll = model.answers(step.forget).token_nll()
        return -((-self.settings.beta * nll.detach()).exp() * nll).sum() / step.forget.tokens_total
