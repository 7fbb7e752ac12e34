"""BAO: a boundary between what is forgotten and what is kept, as a loss beside any other."""

from pydantic import Field

from lethe.train.passes import Passes
from lethe.unlearn import wrapper


class Settings(wrapper.Settings):
    """``margin``: nats by which a forget row's loss shall exceed a retain row's; ``weight``."""

    margin: float = Field(1.0, ge=0)
    weight: float = Field(1.0, ge=0)


class Wrapper(wrapper.Wrapper):
    """L + weight * mean over pairs (i, j) of max(0, margin - (nll_f[i] - nll_r[j])).

    nll is the mean over an answer's tokens, i a row of the forget batch and j one of its retain
    batch (BAO of PPU-Bench, arXiv 2605.08800). The paper takes pairs of one subject; the splits of
    TOFU have no subject in both sets, so all pairs of a batch count.
    """

    kind = "loss"
    paper = "BAO of PPU-Bench, arXiv 2605.08800"
    needs = ("retain",)
    # Pairs would be lost between parts.
    whole = True
    Settings = Settings

    def of_loss(self, method, passes):
        # What the method's own terms computed of the same batches is not computed again.
        shared = method.answers_forget + (method.term is not None and method.term.answers)
        return passes + Passes(2 - shared, 2 - shared).times(len(method.inner_steps))

    def loss(self, value, model, step, reference):
        forget, retain = (_mean_nll(model.answers(batch)) for batch in (step.forget, step.retain))
        gap = forget[:, None] - retain[None, :]
        return value + self.settings.weight * (self.settings.margin - gap).relu().mean()


def _mean_nll(answers):
    """Mean negative log-likelihood of a token of each answer, [rows]."""
    return answers.sequence_nll() / answers.sequence_tokens()
