"""MSA, model state arithmetic: vectors from a checkpoint that had not yet seen the forget set."""

import copy
from typing import Annotated

from pydantic import Field

from lethe.common.validation import GivenPath
from lethe.train.execution import Execution
from lethe.train.passes import Passes
from lethe.unlearn import method
from lethe.unlearn.search_space import Choice


class MSASettings(method.MethodSettings):
    """``alpha``, ``beta``: weights of the forget and the retain vector; beta 0: no retain vector.

    The paper tries alpha 1, 1.5 and 2 with beta 1. ``prior``: the earlier checkpoint: ``base``; in
    the workflow a number, for the base's snapshot after that percentage of its training; or a
    folder or hub id.
    """

    alpha: Annotated[float, Choice((1.0, 1.5, 2.0))] = Field(1.0, ge=0)
    beta: Annotated[float, Choice((0.0, 1.0))] = Field(1.0, ge=0)
    prior: int | GivenPath = "base"


class Method(method.Method):
    """theta = theta_full - alpha (theta_forget - theta_prior) + beta (theta_retain - theta_prior).

    theta_forget and theta_retain are the prior checkpoint trained on the forget rows, and on as
    many retain rows, drawn once. The checkpoint of epoch n uses vectors of n epochs of training.
    """

    kind = "weight arithmetic"
    paper = "MSA, arXiv 2506.20941"
    needs = ("prior", "retain")
    passes = Passes(forward=2, backward=2)
    settings_class = MSASettings

    def __init__(self, settings=None, name="method"):
        super().__init__(settings, name)
        if self.settings.beta == 0:
            self.needs, self.passes = ("prior",), self.settings.gradient.passes(Passes())

    def run(self, model, data, seed, report=lambda step, steps, loss: None, how=None):
        from lethe.unlearn.weight_arithmetic import combine, learn, weights

        how = how or Execution()
        s, prior = self.settings, data.prior().to(model.device)
        full, before, forgot = weights(model), weights(prior), copy.deepcopy(prior)
        retain_run = s.beta and learn(
            prior, self._retain(data, seed), s, seed, lambda *_: None, how.named("retain")
        )
        for epoch, step in learn(forgot, data.forget, s, seed, report, how):
            terms = [(-s.alpha, weights(forgot), before)]
            if retain_run:
                # When a run resumes, the retain copy may have been saved an epoch earlier.
                next(number for number, _ in retain_run if number == epoch)
                terms.append((s.beta, weights(prior), before))
            combine(model, full, terms)
            yield epoch, step

    def _retain(self, data, seed):
        """As many retain rows as there are forget rows, drawn once."""
        from lethe.train.data_order import partners

        rows = next(partners(len(data.retain), seed, len(data.forget)))
        return [data.retain[row] for row in rows]
