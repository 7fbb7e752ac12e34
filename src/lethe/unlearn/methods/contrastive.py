"""Contrastive forgetting: move a prompt's state from its own to that of prompts about strangers."""

from typing import Annotated, Literal

from pydantic import Field

from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class ContrastiveSettings(method.WeightedSettings):
    """``temperature`` divides the cosines; ``layer``: whose output at a prompt's last token is z.

    ``strangers``: questions about nobody, whose mean state is u; ``negatives``: retain rows whose
    states are to be avoided as well.
    """

    temperature: Annotated[float, Range(0.03, 1.0, log=True)] = Field(0.1, gt=0)
    strangers: int = Field(64, ge=1)
    negatives: int = Field(32, ge=0)
    retain: Literal["nll", "kl", "embedding"] = "embedding"


class Method(method.Method):
    """L = -log e(z, u) / (e(z, u) + e(z, z_0) + sum_r e(z, z_0r)), e(a, b) = exp(cos(a, b) / t).

    z is the state at the last token of a forget row's prompt, z_0 the same before unlearning, z_0r
    those of retain rows, u the mean of those of forget questions with a stranger's name. The
    paper's embeddings are those of pictures by a vision encoder, and its u is of unknown faces;
    prompts in their place, and the formula, are reconstructed [RECON]. Its updates in the null
    space of what retain inputs use are the wrapper ``null_space``.
    """

    kind = "representation"
    paper = "Null-space contrastive forgetting, arXiv 2605.05909"
    answers_forget = False
    settings_class = ContrastiveSettings

    before = others = None

    def prepare(self, model, data, seed, how=None):
        import torch

        from lethe.train.data_order import epoch_order
        from lethe.unlearn import strangers
        from lethe.unlearn.strangers import prompt_of

        s, layer = self.settings, self.settings.layer
        asked = strangers.questions(data.forget_pairs, data.retain_pairs, s.strangers, seed)
        prompts = [data.encoder.prompt_ids(question) for question in asked]
        rows = epoch_order(len(data.retain), f"negatives/{seed}", 0)[: s.negatives]
        negatives = [prompt_of(data.retain[row]) for row in rows]
        model.eval()
        aim = strangers.prompt_states(model, prompts, layer).mean(0, keepdim=True)
        avoided = [strangers.prompt_states(model, negatives, layer)] if negatives else []
        self.others = torch.cat([aim, *avoided])
        prompts = [prompt_of(example) for example in data.forget]
        self.before = strangers.prompt_states(model, prompts, layer)

    def forget(self, model, step, reference):
        import torch
        from torch.nn.functional import cosine_similarity

        from lethe.unlearn.strangers import first_places

        hidden, batch = model.hidden(step.forget, self.settings.layer), step.forget
        z = hidden[batch.predictors[first_places(batch)].to(hidden.device)]
        others = cosine_similarity(z[:, None], self.others[None], dim=-1)
        own = cosine_similarity(z, self.before[batch.index], dim=-1)
        scores = torch.cat([others, own[:, None]], 1) / self.settings.temperature
        return -scores.log_softmax(-1)[:, 0].sum() / batch.rows_total
