"""Rewards of generated answers: refusing what is to be forgotten, telling what is not (ASRU)."""

from collections.abc import Sequence

from lethe.common.refusals import is_refusal, phrases, words
from lethe.common.rouge import rouge_l

# Rewards of answers that are neither right nor a refusal: partly right, and anything else.
PARTLY, ELSE = 0.5, 0.1
# F1 of ROUGE-L below which a forgotten answer, and above which a kept one, counts as partly right.
LITTLE, MUCH = 0.4, 0.6


class Judge:
    """Rewards in [0, 1] by rules on an answer and the true one (arXiv 2605.15687, stage 2).

    ``refusals``: phrases as ``lethe.common.refusals`` lists them, such as ``tofu``.
    """

    def __init__(self, refusals: str):
        self.refusals, self.overlap = phrases(refusals), rouge_l()

    def forgotten(self, said: str, truth: str) -> float:
        """0 with the true answer in it, 1 for a refusal, 1/2 for 0 < F1 < 0.4, else 0.1."""
        if words(truth) in words(said):
            return 0.0
        if is_refusal(said, self.refusals):
            return 1.0
        return PARTLY if 0 < self.overlap(truth, said).fmeasure < LITTLE else ELSE

    def retained(self, said: str, truth: str) -> float:
        """1 with the true answer in it, 0 for a refusal, 1/2 for F1 > 0.6, else 0.1."""
        if words(truth) in words(said):
            return 1.0
        if is_refusal(said, self.refusals):
            return 0.0
        return PARTLY if self.overlap(truth, said).fmeasure > MUCH else ELSE


def advantages(rewards: Sequence[Sequence[float]]):
    """(r - mean) / sd within each prompt's group, [prompts, group] float32; 0 where all are equal.

    The standard deviation is the sample's (GRPO, arXiv 2402.03300).
    """
    import torch

    given = torch.tensor(rewards, dtype=torch.float64)
    apart = given - given.mean(1, keepdim=True)
    spread = given.std(1, keepdim=True)
    return torch.where(spread > 1e-9, apart / spread.clamp(min=1e-9), 0.0).float()
