"""CE-U: learn the model's own distribution without the true token."""

from lethe.unlearn import method


class CEUSettings(method.MethodSettings):
    """``skip_first``: skip the first token of each answer, as in the paper."""

    skip_first: bool = True


class Method(method.Method):
    """L = CE(q, softmax(z)) with q = softmax(z with the true token's logit at -inf), held constant.

    A mean over answer tokens (Yang).
    """

    paper = "CE-U, arXiv 2503.01224"
    settings_class = CEUSettings

    def forget(self, model, step, reference):
        import torch

        answers = model.answers(step.forget)
        logits, labels, row = answers.logits.float(), answers.batch.labels, answers.batch.row
        total = step.forget.tokens_total
        if self.settings.skip_first:
            # A row's first token is where the row number changes.
            later = torch.zeros_like(row, dtype=torch.bool)
            later[1:] = row[1:] == row[:-1]
            logits, labels = logits[later], labels[later]
            total -= step.forget.rows_total
        others = logits.detach().scatter(1, labels[:, None], -torch.inf).softmax(-1)
        return -(others * logits.log_softmax(-1)).sum() / total
