"""PDU: flatten the logits on the forget set while the retain loss stays below a bound."""

from typing import Annotated

from pydantic import Field

from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class PDUSettings(method.WeightedSettings):
    """``bound``: upper bound of the retain loss.

    ``dual_step`` and ``dual_warmup_epochs``: step size and warm-up of its multiplier, which starts
    at ``retain_weight``. The paper's runs choose the bound for each model and start the multiplier
    at 50 to 100.
    """

    bound: Annotated[float, Range(0.1, 1.0, log=True)] = Field(0.3, ge=0)
    dual_step: float = Field(1.0, ge=0)
    dual_warmup_epochs: int = Field(5, ge=0)
    retain_weight: float = Field(1.0, gt=0)


class Method(method.Method):
    """L = mean (max z - mean z)^2 over answer tokens + multiplier * (retain loss - bound).

    After the warm-up each step adds dual_step * (retain loss - bound) to the multiplier, which
    stays at 0 or above (Entesari et al.). open-unlearning uses the logits at the answer's tokens,
    not those that predict them.
    """

    paper = "PDU, arXiv 2506.05314"
    settings_class = PDUSettings

    def __init__(self, settings=None, name="method"):
        super().__init__(settings, name)
        self.multiplier, self.sums = self.settings.retain_weight, {"excess": 0.0}

    @property
    def answers_forget(self):
        return not self.settings.open_unlearning

    def prepare(self, model, data, seed, how=None):
        self.multiplier = self.settings.retain_weight

    def forget(self, model, step, reference):
        batch = step.forget
        if self.settings.open_unlearning:
            logits = model.all_logits(batch)[batch.predictors + 1].float()
        else:
            logits = model.answers(batch).logits.float()
        return (logits.amax(-1) - logits.mean(-1)).square().sum() / batch.tokens_total

    def loss(self, model, step, reference):
        forget = self.settings.forget_weight * self.forget(model, step, reference)
        # A part gets its share of the bound, so that parts add up.
        share = step.retain.rows / step.retain.rows_total
        excess = self.retain(model, step, reference) - self.settings.bound * share
        self.sums["excess"] += excess.item()
        return forget + self.multiplier * excess

    def state(self):
        return {"multiplier": self.multiplier}

    def restore(self, state, model, data, seed):
        self.multiplier = state["multiplier"]

    def stepped(self, epoch):
        if epoch > self.settings.dual_warmup_epochs:
            moved = self.multiplier + self.settings.dual_step * self.sums["excess"]
            self.multiplier = max(0.0, moved)
