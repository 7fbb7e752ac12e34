"""Who's Harry Potter: learn what a model that never saw the forget set would say."""

import copy
from typing import Annotated

from pydantic import Field

from lethe.train.execution import Execution
from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class WHPSettings(method.MethodSettings):
    """``alpha``: how strongly the reinforced model's preferences are subtracted.

    ``reinforce_epochs``: epochs on the forget set that make the reinforced model, with the run's
    own learning rate and batch size.
    """

    alpha: Annotated[float, Range(1.0, 10.0, log=True)] = Field(5.0, ge=0)
    reinforce_epochs: int = Field(3, ge=1, le=100)


class Method(method.Method):
    """L = CE(forget questions and answers, generic tokens as labels).

    A copy is trained further on the forget set (reinforced). The generic logits are z - alpha
    relu(z_reinforced - z) (Eldan and Russinovich, Eq. 1), z the original's; their argmax is the
    label of each answer token. Labels are computed once, so neither copy stays in memory. The
    paper's second source of generic labels, a dictionary of terms from the corpus, is not used.
    """

    paper = "Who's Harry Potter, arXiv 2310.02238"
    whole_weights = True
    settings_class = WHPSettings

    labels = None

    def prepare(self, model, data, seed, how=None):
        from lethe.train.finetune import fit
        from lethe.train.settings import Schedule

        s = self.settings
        schedule = Schedule(
            epochs=s.reinforce_epochs,
            lr=s.lr,
            batch_size=s.batch_size,
            warmup_epochs=min(s.warmup_epochs, 1.0),
            weight_decay=s.weight_decay,
            max_grad_norm=s.max_grad_norm,
        )
        reinforced = copy.deepcopy(model)
        how = (how or Execution()).named("reinforced")
        fit(reinforced, data.forget, schedule, f"reinforced/{seed}", how=how)
        self.labels = generic_labels(model, reinforced, data.forget, s.alpha, s.batch_size)

    def state(self):
        import torch

        return {"labels": torch.cat(self.labels), "tokens": [len(row) for row in self.labels]}

    def restore(self, state, model, data, seed):
        self.labels = list(state["labels"].split(state["tokens"]))

    def forget(self, model, step, reference):
        import torch
        from torch.nn.functional import cross_entropy

        answers = model.answers(step.forget)
        labels = torch.cat([self.labels[row] for row in step.forget.index])
        labels = labels.to(answers.logits.device)
        loss = cross_entropy(answers.logits.float(), labels, reduction="sum")
        return loss / step.forget.tokens_total


def generic_labels(model, reinforced, examples, alpha: float, batch_size: int) -> list:
    """For each example, the argmax of the generic logits at each answer token, [tokens]."""
    import torch

    from lethe.model.batch import pack
    from lethe.model.forward import Forward
    from lethe.train.data_order import batches

    labels = []
    with torch.no_grad():
        for part in batches(range(len(examples)), batch_size):
            batch = pack([examples[row] for row in part], part)
            original = Forward(model.eval()).answers(batch).logits
            extra = Forward(reinforced).answers(batch).logits - original
            argmax = (original - alpha * extra.relu()).argmax(-1).cpu()
            labels.extend(argmax.split([examples[row].answer_tokens for row in part]))
    return labels
