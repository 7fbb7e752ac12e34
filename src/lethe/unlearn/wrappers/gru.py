"""GRU: remove from each gradient the part that would harm the retain set."""

from pydantic import Field

from lethe.model.fsdp import number, placed_like
from lethe.train.passes import Passes
from lethe.unlearn import term_gradients, wrapper


class GRUSettings(wrapper.WrapperSettings):
    """``newest``: weight of the newest retain gradient in the moving average; 1: no averaging."""

    newest: float = Field(0.8, gt=0, le=1)


class Wrapper(wrapper.Wrapper):
    """g - min(0, <g, r>) / |r|^2 r: the nearest vector whose product with r is not negative.

    g is the gradient of the wrapped loss, r the moving average of the gradients of the retain
    answers' mean negative log-likelihood, over all parameters (Wang et al.; ``newest`` as in the
    authors' code for open-unlearning). The paper wraps losses without a retain term.
    """

    kind = "gradient"
    paper = "GRU, arXiv 2503.09117"
    needs = ("retain",)
    settings_class = GRUSettings

    average: list | None = None
    method = None

    def check(self, method, name):
        self.method = method

    def of_step(self, method, passes):
        return passes + Passes().times(len(method.inner_steps))

    def prepare(self, model, data, seed):
        self.average = None

    def state(self):
        return {str(n): tensor for n, tensor in enumerate(self.average or ())}

    def restore(self, state):
        self.average = [state[str(n)] for n in range(len(state))] or None

    def differentiated(self, model, parts, parameters, process_group):
        newest = term_gradients.gradient(
            _retain_loss, self.method, model, parts, None, parameters, process_group
        )
        self._remember(newest)
        wrapped = [p.grad for p in parameters]
        for p, gradient in zip(parameters, rectified(wrapped, self.average), strict=True):
            p.grad = gradient

    def _remember(self, newest: list) -> None:
        share = self.settings.newest
        if self.average is None:
            self.average = [share * r for r in newest]
            return
        pairs = zip(self.average, newest, strict=True)
        self.average = [placed_like(mean, r).lerp_(r, share) for mean, r in pairs]


def _retain_loss(model, step, reference):
    return model.answers(step.retain).mean_nll()


def rectified(gradient: list, retain: list) -> list:
    """``gradient`` without its component against ``retain``; lists of tensors, None counts as 0."""
    pairs = [(g, r) for g, r in zip(gradient, retain, strict=True) if g is not None]
    product = sum(number((g * r).sum()) for g, r in pairs)
    if product >= 0:
        return gradient
    scale = product / sum(number(r.square().sum()) for r in retain)
    return [
        -scale * r if g is None else g - scale * r for g, r in zip(gradient, retain, strict=True)
    ]
