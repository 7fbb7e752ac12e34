"""BAO: a margin between the losses of forget and retain rows, added to any loss."""

from pydantic import Field

from lethe.train.passes import Passes
from lethe.unlearn import wrapper


class BAOSettings(wrapper.WrapperSettings):
    """``margin``: nats by which a forget row's loss should exceed a retain row's; ``weight``."""

    margin: float = Field(1.0, ge=0)
    weight: float = Field(1.0, ge=0)


class Wrapper(wrapper.Wrapper):
    """L + weight * mean over pairs (i, j) of max(0, margin - (nll_f[i] - nll_r[j])).

    nll is the mean over an answer's tokens, i a row of the forget batch and j one of its retain
    batch (BAO of PPU-Bench, arXiv 2605.08800). The paper pairs rows of one subject; TOFU's splits
    have no subject in both sets, so all pairs of a batch count.
    """

    kind = "loss"
    paper = "BAO of PPU-Bench, arXiv 2605.08800"
    needs = ("retain",)
    # Pairs across parts would be lost.
    whole = True
    settings_class = BAOSettings

    def of_loss(self, method, passes):
        # Passes of the method's own terms over the same batches are reused.
        shared = method.answers_forget + (method.term is not None and method.term.answers)
        return passes + Passes(2 - shared, 2 - shared).times(len(method.turns))

    def loss(self, value, model, step, reference):
        forget, retain = (_mean_nll(model.answers(batch)) for batch in (step.forget, step.retain))
        gap = forget[:, None] - retain[None, :]
        return value + self.settings.weight * (self.settings.margin - gap).relu().mean()


def _mean_nll(answers):
    """Mean negative log-likelihood per token of each answer, [rows]."""
    return answers.sequence_nll() / answers.sequence_tokens()
