"""PCGrad: where forgetting and retaining pull against each other, neither undoes the other."""

from lethe.common.errors import LetheError
from lethe.unlearn import term_gradients, wrapper
from lethe.unlearn.wrappers.gru import rectified


class Wrapper(wrapper.Wrapper):
    """g_f' + g_r' in place of g_f + g_r: each without its component against the other.

    Where their product is negative, g_f' = g_f - <g_f, g_r> / |g_r|^2 g_r, and g_r' likewise, over
    all parameters and with the terms' weights (Yu et al., Algorithm 1, two tasks). g_f is the
    parameters' gradient without g_r, as other wrappers have changed it.
    """

    kind = "gradient"
    paper = "PCGrad, arXiv 2001.06782"

    method = reference = None

    def check(self, method, name):
        if method.term is None or not term_gradients.is_sum(method):
            raise LetheError(
                f"{name}: {method.name} has no retain term, so nothing can be in conflict; take "
                "a method with one and a retain_weight above 0"
            )
        self.method = method

    def of_step(self, method, passes):
        return passes + method.term.passes

    def loss(self, value, model, step, reference):
        self.reference = reference
        return value

    def differentiated(self, model, parts, parameters, process_group):
        def term(*given):
            return self.method.settings.retain_weight * self.method.retain(*given)

        retain = term_gradients.gradient(
            term, self.method, model, parts, self.reference, parameters, process_group
        )
        whole = [p.new_zeros(p.shape) if p.grad is None else p.grad for p in parameters]
        forget = [w - r for w, r in zip(whole, retain, strict=True)]
        for p, f, r in zip(
            parameters, rectified(forget, retain), rectified(retain, forget), strict=True
        ):
            p.grad = f + r
