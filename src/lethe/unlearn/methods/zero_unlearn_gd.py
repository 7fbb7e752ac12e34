"""ZeroUnlearn by gradient descent: the same objective, but stopped before its minimum."""

from typing import Annotated

from pydantic import Field

from lethe.unlearn.methods import zero_unlearn
from lethe.unlearn.search_space import Choice


class ZeroUnlearnGDSettings(zero_unlearn.ZeroUnlearnSettings):
    """As ``zero_unlearn``; ``descent_steps``: steps of gradient descent on each layer's D.

    ``rate``: learning rate in units of the inverse of the largest curvature; from 2 on it diverges.
    """

    descent_steps: Annotated[int, Choice((10, 30, 100, 300, 1000))] = Field(100, ge=1)
    rate: float = Field(1.0, gt=0, lt=2)


class Method(zero_unlearn.Method):
    """W <- D W, D by descent on the weighted |D W k - P v|^2 of ``zero_unlearn``, from D = I.

    The paper's variant for many rows. Its minimum is the closed form; stopped earlier, D moves
    least along the directions that few tokens use, where the closed form moves it as far as
    anywhere. Descending on D, over all rows at once, and the rate are ours [RECON].
    """

    settings_class = ZeroUnlearnGDSettings

    def _solve(self, *given, **terms):
        from lethe.unlearn.closed_form import descended

        s = self.settings
        return descended(*given, steps=s.descent_steps, rate=s.rate, **terms)
