"""Targeted preference optimisation: preferences against the telling tokens of answers only."""

from typing import Annotated, Literal

from pydantic import Field

from lethe.train.passes import Passes
from lethe.unlearn import method
from lethe.unlearn.search_space import Choice, Range


class TPOSettings(method.WeightedSettings):
    """``beta``: inverse temperature of the preference. ``preserve``: weight of the other tokens.

    ``common``: a token is telling if at most this share of the retain answers has it.
    ``preference``: what is pushed below its value before unlearning: the token's ``logit`` or the
    logarithm of its ``probability``.
    """

    beta: Annotated[float, Range(0.02, 0.5, log=True)] = Field(0.1, gt=0)
    preserve: Annotated[float, Range(0.25, 4, log=True)] = Field(1.0, ge=0)
    common: Annotated[float, Range(0.01, 0.2, log=True)] = Field(0.05, ge=0, le=1)
    preference: Annotated[Literal["logit", "probability"], Choice(("logit", "probability"))] = (
        "logit"
    )


class Method(method.Method):
    """L = mean over tokens of -(2/beta) log σ(-beta r) if telling, preserve KL(p₀ ‖ p) if not.

    r = z - z₀ of the answer's own token (``preference: logit``), or log p - log p₀. Zhou et al.
    unlearn the unwanted words of an answer by a logit preference loss and keep its general words by
    a preservation loss. Only their abstract and introduction could be read, so the form of both
    losses, and ``preserve``, are [RECON]. Their words are chosen by a language model or by hand;
    here [RECON] a token is unwanted if few retain answers have it (``common``).
    """

    kind = "loss with reference"
    paper = "TPO, arXiv 2506.03142"
    needs = ("retain", "reference_model")
    passes = Passes(1, 1, 1)
    settings_class = TPOSettings

    general = None

    def prepare(self, model, data, seed, how=None):
        self.general = _common(data.retain, self.settings.common)

    def restore(self, state, model, data, seed):
        self.general = _common(data.retain, self.settings.common)

    def forget(self, model, step, reference):
        import torch

        answers = model.answers(step.forget)
        with torch.no_grad():
            before = reference.frozen.answers(step.forget).logits
        telling = ~torch.isin(answers.batch.labels, self.general.to(answers.logits.device))
        value = torch.where(
            telling,
            self._preference(answers, before),
            self.settings.preserve * _divergence(answers.logits, before),
        )
        return value.sum() / step.forget.tokens_total

    def _preference(self, answers, before):
        """-(2/beta) log σ(-beta r) of each token, [N]."""
        from torch.nn.functional import logsigmoid

        pair = answers.logits.float(), before.float()
        if self.settings.preference == "probability":
            pair = tuple(logits.log_softmax(-1) for logits in pair)
        own = answers.batch.labels[:, None]
        now, then = (values.gather(1, own)[:, 0] for values in pair)
        beta = self.settings.beta
        return -2 / beta * logsigmoid(-beta * (now - then))


def _divergence(logits, before):
    """KL(p₀ ‖ p) of each token, [N], nats."""
    logs, known = logits.float().log_softmax(-1), before.float().log_softmax(-1)
    return (known.exp() * (known - logs)).sum(-1)


def _common(examples, share: float):
    """The tokens that more than this share of the answers have, end tokens included; sorted."""
    from collections import Counter

    import torch

    counted = Counter(token for e in examples for token in set(e.ids[e.start :]))
    most = share * len(examples)
    return torch.tensor(sorted(t for t, n in counted.items() if n > most), dtype=torch.long)
