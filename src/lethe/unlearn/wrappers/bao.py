"""BAO: a margin between the losses of forget and retain rows, added to any loss."""

from typing import Literal

from pydantic import Field

from lethe.train.passes import Passes
from lethe.unlearn import wrapper


class BAOSettings(wrapper.WrapperSettings):
    """``margin``: nats by which a forget row's loss should exceed a retain row's; ``weight``.

    ``pairs``: all pairs of a ``batch``, or only those of rows about the same ``subject``.
    """

    margin: float = Field(1.0, ge=0)
    weight: float = Field(1.0, ge=0)
    pairs: Literal["batch", "subject"] = "batch"


class Wrapper(wrapper.Wrapper):
    """L + weight * mean over pairs (i, j) of max(0, margin - (nll_f[i] - nll_r[j])).

    nll is the mean over an answer's tokens, i a row of the forget batch and j one of its retain
    batch (BAO of PPU-Bench, arXiv 2605.08800). The paper pairs rows of one subject, takes the mean
    over the pairs of each subject and then over the subjects, and draws the retain batch from the
    subjects of the forget batch: ``pairs: subject``, for splits that forget some facts of a
    subject. Other splits have no subject in both sets, and all pairs of a batch count.
    """

    kind = "loss"
    paper = "BAO of PPU-Bench, arXiv 2605.08800"
    needs = ("retain",)
    # Pairs across parts would be lost.
    whole = True
    settings_class = BAOSettings

    def __init__(self, settings=None, name="wrapper"):
        super().__init__(settings, name)
        self.subjects = None
        if self.settings.pairs == "subject":
            self.needs = ("retain", "subjects")

    def of_loss(self, method, passes):
        # Passes of the method's own terms over the same batches are reused.
        shared = method.answers_forget + (method.term is not None and method.term.answers)
        return passes + Passes(2 - shared, 2 - shared).times(len(method.inner_steps))

    def prepare(self, model, data, seed):
        self.subjects = data.groups if self.settings.pairs == "subject" else None

    def loss(self, value, model, step, reference):
        forget, retain = (_mean_nll(model.answers(batch)) for batch in (step.forget, step.retain))
        missing = (self.settings.margin - (forget[:, None] - retain[None, :])).relu()
        return value + self.settings.weight * self._mean(missing, step)

    def _mean(self, pairs, step):
        """The mean of a batch's pairs [forget rows, retain rows], or of those of each subject."""
        if self.subjects is None:
            return pairs.mean()
        import torch

        rows, columns = (
            [subjects[row] for row in batch.index]
            for subjects, batch in zip(self.subjects, (step.forget, step.retain), strict=True)
        )
        both = [subject for subject in dict.fromkeys(rows) if subject in columns]
        means = [
            pairs[[at for at, s in enumerate(rows) if s == subject]][
                :, [at for at, s in enumerate(columns) if s == subject]
            ].mean()
            for subject in both
        ]
        return torch.stack(means).mean()


def _mean_nll(answers):
    """Mean negative log-likelihood per token of each answer, [rows]."""
    return answers.sequence_nll() / answers.sequence_tokens()
