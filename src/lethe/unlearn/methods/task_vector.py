"""Task vector: subtract the change that further training on the forget set makes."""

import copy
from typing import Annotated

from pydantic import Field

from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class TaskVectorSettings(method.MethodSettings):
    """``alpha``: how much of the vector is subtracted."""

    alpha: Annotated[float, Range(0.5, 2.0)] = Field(1.0, ge=0)


class Method(method.Method):
    """theta = theta_0 - alpha (theta_forget - theta_0) (Ilharco et al.).

    theta_0 is the model under test, theta_forget a copy trained on the forget set. The checkpoint
    of epoch n subtracts the vector of n epochs of training.
    """

    kind = "weight arithmetic"
    paper = "Task arithmetic, arXiv 2212.04089"
    settings_class = TaskVectorSettings

    def run(self, model, data, seed, report=lambda step, steps, loss: None, how=None):
        from lethe.unlearn.weight_arithmetic import combine, learn, weights

        start, tuned = weights(model), copy.deepcopy(model)
        for epoch, step in learn(tuned, data.forget, self.settings, seed, report, how):
            combine(model, start, [(-self.settings.alpha, weights(tuned), start)])
            yield epoch, step
