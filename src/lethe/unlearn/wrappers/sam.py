"""SAM: forget at the worst point near the weights, so that relearning has further to go."""

from typing import Annotated

from pydantic import Field

from lethe.unlearn import term_gradients, wrapper
from lethe.unlearn.search_space import Range


class SAMSettings(wrapper.WrapperSettings):
    """``radius``: how far from the weights, in the norm over all trained parameters."""

    radius: Annotated[float, Range(1e-3, 0.1, log=True)] = Field(0.01, gt=0)


class Wrapper(wrapper.Wrapper):
    """grad L_f(theta + radius g / |g|) + grad L_r(theta), g = grad L_f(theta).

    The first-order solution of min max_{|d| <= radius} L_f(theta + d) + L_r(theta): only the forget
    term is made robust (Fan et al., section 4; SAM: Foret et al., arXiv 2010.01412). For a method
    whose loss is not a sum of two terms, the whole loss is taken there. The paper's radius suits
    its models; ours should be searched. Weights are restored bit by bit.
    """

    kind = "gradient"
    paper = "Robust NPO (SAM), arXiv 2502.05374"
    settings_class = SAMSettings

    method = reference = None

    def check(self, method, name):
        self.method = method

    def of_step(self, method, passes):
        return passes + term_gradients.forget_passes(method, method.passes).times(2)

    def loss(self, value, model, step, reference):
        self.reference = reference
        return value

    def differentiated(self, model, parts, parameters, process_group):
        import torch

        from lethe.model.fsdp import number

        term = term_gradients.forget_term(self.method)
        given = (self.method, model, parts, self.reference, parameters, process_group)
        here = term_gradients.gradient(term, *given)
        length = sum(number(g.square().sum()) for g in here) ** 0.5
        if length == 0:
            return
        start = [p.detach().clone() for p in parameters]
        with torch.no_grad():
            for p, g in zip(parameters, here, strict=True):
                p.add_(g, alpha=self.settings.radius / length)
        there = term_gradients.gradient(term, *given)
        with torch.no_grad():
            for p, before in zip(parameters, start, strict=True):
                p.copy_(before)
        term_gradients.add(parameters, (t - h for t, h in zip(there, here, strict=True)))
