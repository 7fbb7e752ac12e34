"""OFMU: forget in inner steps, then repair the damage, with decorrelated gradients."""

from typing import Annotated, Literal

from pydantic import Field

from lethe.train.optimizer_settings import Backpropagation, InnerStep
from lethe.train.passes import Passes
from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class OFMUSettings(method.MethodSettings):
    """``ascents``: inner steps per batch; ``ascent_rate``: their learning rate, relative to ``lr``.

    ``decorrelation``: weight (beta) of the cosine between the gradients; ``penalty``: rho of the
    first batch, ``penalty_growth``: its factor from batch to batch, ``penalty_most``: its maximum.
    ``products``: Hessian-vector products by differentiating twice, or by central differences of
    gradients at distance ``radius``.
    """

    ascents: int = Field(5, ge=1)
    ascent_rate: Annotated[float, Range(0.03, 1.0, log=True)] = Field(1.0, gt=0)
    decorrelation: Annotated[float, Range(0.1, 1.0)] = Field(0.5, ge=0)
    penalty: float = Field(0.01, ge=0)
    penalty_growth: float = Field(2.0, ge=1)
    penalty_most: float = Field(1.0, ge=0)
    products: Literal["exact", "differences"] = "exact"
    radius: float = Field(1e-3, gt=0)
    # The objectives contain gradients, so estimated gradients are not supported.
    gradient: Backpropagation = Field(default={"name": "backpropagation"}, validate_default=True)


# Passes of an ascent and of a descent, by ``products`` and whether the cosine has a weight.
COSTS = {
    ("exact", True): (Passes(2, 4), Passes(2, 6)),
    ("exact", False): (Passes(1, 1), Passes(2, 3)),
    ("differences", True): (Passes(6, 6), Passes(8, 8)),
    ("differences", False): (Passes(1, 1), Passes(4, 4)),
}


class Method(method.Method):
    """Phi = L_f - beta cos(g_f, g_r): ``ascents`` steps up Phi, then one down L_r + rho |dPhi|^2.

    L_f and L_r are the mean losses of the forget and retain answers' tokens, g_f and g_r their
    gradients over all trained parameters (OFMU, arXiv 2509.22483). Each kind of step has its own
    optimizer states; for the paper's plain steps set ``optimiser: {name: sgd}``. The paper's values
    of beta, rho and the rates were not available: the defaults are ours [RECON].

    With ``products: differences`` gradients have no graph, and in the penalty's gradient
    2 rho H dPhi the Hessian is that of L_f instead of Phi's.
    """

    kind = "bilevel"
    paper = "OFMU, arXiv 2509.22483"
    needs = ("retain",)
    whole = True
    answers_forget = False
    whole_weights = True
    settings_class = OFMUSettings

    @property
    def inner_steps(self):
        s = self.settings
        return (InnerStep("ascent", s.ascent_rate),) * s.ascents + (InnerStep("descent"),)

    def _passes(self):
        s = self.settings
        ascent, descent = COSTS[s.products, s.decorrelation > 0]
        self.passes = ascent.times(s.ascents) + descent
        return super()._passes()

    def loss(self, model, step, reference):
        from contextlib import nullcontext

        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel

        from lethe.model.forward import Forward

        # A new object: results from before the parameters moved must not be reused.
        fresh = Forward(model.model)

        def forget():
            return fresh.answers(step.forget).mean_nll()

        def retain():
            return fresh.answers(step.retain).mean_nll()

        parameters = [p for p in model.model.parameters() if p.requires_grad]
        exact = self.settings.products == "exact"
        of = Exact if exact else Differences
        problem = of(forget, retain, parameters, self.settings.decorrelation, self.settings.radius)
        # The other attention kernels can be differentiated only once.
        twice = sdpa_kernel(SDPBackend.MATH) if exact else nullcontext()
        with torch.enable_grad(), twice:
            if self.inner_steps[step.inner_step].name == "ascent":
                return problem.ascent()
            return problem.descent(self._rho(step.batch))

    def _rho(self, batch: int) -> float:
        s = self.settings
        # The exponent is bounded: in a long run the power would overflow.
        return min(s.penalty_most, s.penalty * s.penalty_growth ** min(batch, 200))


class Exact:
    """The two objectives as scalars that are differentiated through gradients."""

    def __init__(self, forget, retain, parameters, beta: float, radius: float = 0.0):
        self.forget, self.retain, self.parameters, self.beta = forget, retain, parameters, beta

    def ascent(self):
        """-Phi."""
        l_r = self.retain() if self.beta else None
        return -self._phi(self.forget(), l_r)

    def descent(self, rho: float):
        """L_r + rho |dPhi|^2."""
        l_f, l_r = self.forget(), self.retain()
        slope = gradient(self._phi(l_f, l_r), self.parameters, True)
        return l_r + rho * product(slope, slope)

    def _phi(self, l_f, l_r):
        if not self.beta:
            return l_f
        g_f, g_r = (gradient(loss, self.parameters, True) for loss in (l_f, l_r))
        return l_f - self.beta * cosine(g_f, g_r)


class Differences:
    """The same scalars, with gradients computed from first derivatives alone."""

    def __init__(self, forget, retain, parameters, beta: float, radius: float = 1e-3):
        self.forget, self.retain, self.parameters, self.beta = forget, retain, parameters, beta
        self.radius = radius

    def ascent(self):
        if not self.beta:
            return -self.forget()
        phi, slope, _, _ = self._slope()
        return _with_gradient(-phi, self.parameters, [-v for v in slope])

    def descent(self, rho: float):
        _, slope, l_r, g_r = self._slope()
        curved = hessian_product(self.forget, self.parameters, slope, self.radius)
        wanted = [g + 2 * rho * h for g, h in zip(g_r, curved, strict=True)]
        value = l_r + rho * product(slope, slope)
        return _with_gradient(value, self.parameters, wanted)

    def _slope(self):
        """Phi and its gradient, L_r and its gradient, all without a graph.

        The gradient of cos is H_f a + H_r b with a = g_r / (|g_f| |g_r|) - cos g_f / |g_f|^2; b is
        a with f and r exchanged.
        """
        l_f, l_r = self.forget(), self.retain()
        g_f, g_r = (gradient(loss, self.parameters) for loss in (l_f, l_r))
        angle = cosine(g_f, g_r)
        slope = list(g_f)
        if self.beta:
            for loss, own, other in ((self.forget, g_f, g_r), (self.retain, g_r, g_f)):
                size = product(own, own)
                both = (size * product(other, other)).sqrt()
                along = [o / both - angle * g / size for g, o in zip(own, other, strict=True)]
                turned = hessian_product(loss, self.parameters, along, self.radius)
                slope = [v - self.beta * h for v, h in zip(slope, turned, strict=True)]
        return (l_f - self.beta * angle).detach(), slope, l_r.detach(), g_r


def gradient(loss, parameters, graph: bool = False) -> tuple:
    """Gradient of a loss by parameter; with ``graph`` it can be differentiated again.

    Autograd sums in the order of sequence numbers, which each thread counts by itself. On a GPU
    another thread would build the graph of a gradient; the order, and so the last digits, would
    then depend on what that thread had built before.
    """
    import torch

    with torch.autograd.set_multithreading_enabled(not graph):
        return torch.autograd.grad(
            loss, parameters, create_graph=graph, allow_unused=True, materialize_grads=True
        )


def product(first, second):
    """Inner product over all parameters."""
    return sum((a * b).sum() for a, b in zip(first, second, strict=True))


def cosine(first, second):
    """Cosine over all parameters; 0 if either is 0."""
    lengths = product(first, first) * product(second, second)
    return product(first, second) / lengths.clamp(min=1e-30).sqrt()


def hessian_product(loss, parameters, along, radius: float) -> list:
    """H v = (g(theta + e v) - g(theta - e v)) / 2e with e = radius / |v|.

    The parameters are restored afterwards, bit for bit.
    """
    import torch

    length = float(product(along, along)) ** 0.5
    if length == 0:
        return [torch.zeros_like(p) for p in parameters]
    here, gradients = [p.detach().clone() for p in parameters], []
    for by in (radius / length, -radius / length):
        with torch.no_grad():
            for p, start, v in zip(parameters, here, along, strict=True):
                p.copy_(start + by * v)
        gradients.append(gradient(loss(), parameters))
    with torch.no_grad():
        for p, start in zip(parameters, here, strict=True):
            p.copy_(start)
    return [(a - b) * (length / (2 * radius)) for a, b in zip(*gradients, strict=True)]


def _with_gradient(value, parameters, wanted):
    """A scalar with this value whose gradient is ``wanted``."""
    linear = product(parameters, wanted)
    return value + linear - linear.detach()
