"""MDU: forget in a masked-diffusion model by unlearning what the prompt adds to its predictions."""

from typing import Annotated, Literal

from pydantic import Field

from lethe.model.families import MASKED_DIFFUSION
from lethe.train.passes import Passes
from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class MDUSettings(method.WeightedSettings):
    """``tau``: how much of the anchor's shape the target has; 0: the uniform distribution.

    ``eta``: how far the target goes beyond the anchor, away from what the prompt adds.
    ``direction``: of the KL divergence: ``forward`` KL(model || target), ``reverse``
    KL(target || model), ``js`` the Jensen-Shannon divergence. ``least``: the smallest probability
    of a mask. The retain term is the model's own loss.
    """

    tau: Annotated[float, Range(0.0, 1.0)] = Field(0.5, ge=0)
    eta: float = Field(0.0, ge=0)
    direction: Literal["forward", "reverse", "js"] = "forward"
    least: float = Field(1e-3, gt=0, le=1)
    retain: Literal["nll"] = "nll"


class Method(method.Method):
    """L = E_t mean over masked answer tokens of KL(p(. | x, y_t) || q) + retain term.

    t ~ U(least, 1) masks each answer token with probability t. q = softmax(tau (l_u - eta (l_c -
    l_u))) is constant; l_c are the logits of the model before unlearning, l_u those with every
    token of the prompt masked (arXiv 2605.18253 and its code). At eta = 0 and tau = 1 the loss is 0
    for the model before unlearning if the prompt carries no information. A row's mean is over its
    own masked tokens; a row that happens to have none adds 0.
    """

    kind = "loss with reference"
    paper = "MDU, arXiv 2605.18253"
    families = (MASKED_DIFFUSION,)
    needs = ("reference_model",)
    answers_forget = False
    settings_class = MDUSettings

    def _passes(self):
        self.passes = Passes(frozen=2 if self.settings.eta else 1)
        return super()._passes()

    def forget(self, model, step, reference):
        import torch

        s = self.settings
        seen, blank = model.noised(step.forget, s.least)
        with torch.no_grad():
            anchor = _real(reference.frozen, blank)
            if s.eta:
                anchor = anchor - s.eta * (_real(reference.frozen, seen) - anchor)
            target = (s.tau * anchor).log_softmax(-1)
        current = _real(model, seen).log_softmax(-1)
        row = seen.row.to(current.device)
        share = 1 / torch.bincount(row, minlength=seen.rows)[row]
        distance = DIVERGENCES[s.direction](current, target)
        return (distance * share).sum() / step.forget.rows_total


def _real(model, batch):
    """Logits at the masked tokens, for every token but the mask, [M, V - 1]."""
    import torch

    logits = model.masked_logits(batch)
    mask = model.model.config.mask_token_id
    others = torch.arange(logits.shape[1], device=logits.device) != mask
    return logits[:, others]


def _kl(p, q):
    """KL(p || q) of log-probabilities [M, V], by row, [M]."""
    return (p.exp() * (p - q)).sum(-1)


def _js(p, q):
    import math

    import torch

    middle = torch.logaddexp(p, q) - math.log(2)
    return (_kl(p, middle) + _kl(q, middle)) / 2


DIVERGENCES = {"forward": _kl, "reverse": lambda p, q: _kl(q, p), "js": _js}
