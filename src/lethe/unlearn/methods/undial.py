"""UNDIAL: learn from the original model with the true token's logit lowered."""

from typing import Annotated

from pydantic import Field

from lethe.train.passes import Passes
from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class UNDIALSettings(method.WeightedSettings):
    """``beta``: how much the true token's logit is lowered. There is no retain term by default."""

    beta: Annotated[float, Range(1.0, 20.0, log=True)] = Field(10.0, ge=0)
    retain_weight: float = Field(0.0, ge=0)
    lr: Annotated[float, Range(0.25, 4, log=True, relative=True)] = Field(
        1e-4, gt=0, le=1, description="peak learning rate"
    )


class Method(method.Method):
    """L = CE(softmax(z_original - beta onehot(true token)), softmax(z)) (Dong et al.).

    A mean over answer tokens. open-unlearning averages over all positions, questions and padding
    included, where it lowers the logit of token V - 100 (its label -100, used as an index).
    """

    kind = "loss with reference"
    paper = "UNDIAL, arXiv 2402.10052"
    needs = ("reference_model",)
    passes = Passes(frozen=1)
    settings_class = UNDIALSettings

    @property
    def answers_forget(self):
        return not self.settings.open_unlearning

    def forget(self, model, step, reference):
        import torch

        if self.settings.open_unlearning:
            return self._everywhere(model, step, reference)
        with torch.no_grad():
            teacher = reference.frozen.answers(step.forget)
        student = model.answers(step.forget).logits.float()
        loss = self._distillation(student, teacher.logits.float(), teacher.batch.labels)
        return loss / step.forget.tokens_total

    def _distillation(self, student, teacher, labels):
        """Sum over positions of the cross-entropy to the lowered teacher; logits [N, V]."""
        import torch

        lowered = teacher.new_full((len(labels), 1), -self.settings.beta)
        wanted = torch.scatter_add(teacher, 1, labels[:, None], lowered).softmax(-1)
        return -(wanted * student.log_softmax(-1)).sum()

    def _everywhere(self, model, step, reference):
        import torch

        batch = step.forget
        with torch.no_grad():
            teacher = reference.frozen.all_logits(batch).float()
        student = model.all_logits(batch).float()
        labels = torch.full((len(teacher),), teacher.shape[1] - 100)
        labels[batch.predictors] = batch.labels
        # The last position of a row has no next token to predict.
        inner = torch.ones(batch.rows, len(teacher) // batch.rows, dtype=torch.bool)
        inner[:, -1] = False
        inner = inner.view(-1)
        labels = labels[inner].to(teacher.device)
        inner = inner.to(teacher.device)
        return self._distillation(student[inner], teacher[inner], labels) / len(labels)
