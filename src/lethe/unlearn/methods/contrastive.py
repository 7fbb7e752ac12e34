"""Contrastive forgetting: move what a model has of a row from its own to what it has of strangers.

What it has is a prompt's state, or a picture's embedding in a model that sees.
"""

from typing import Annotated, Literal

from pydantic import Field

from lethe.common import strange_pictures
from lethe.common.strange_pictures import distinct
from lethe.unlearn import method
from lethe.unlearn.search_space import Range


class ContrastiveSettings(method.WeightedSettings):
    """``temperature`` divides the cosines; ``layer``: whose output at a prompt's last token is z.

    ``states``: what z is of, prompts or pictures. ``strangers``: questions about nobody, or
    pictures of nobody, whose mean is u; ``negatives``: retain rows, or retain pictures, that are
    to be avoided as well.
    """

    states: Literal["prompts", "pictures"] = "prompts"
    temperature: Annotated[float, Range(0.03, 1.0, log=True)] = Field(0.1, gt=0)
    strangers: int = Field(64, ge=1)
    negatives: int = Field(32, ge=0)
    retain: Literal["nll", "kl", "embedding"] = "embedding"


class Method(method.Method):
    """L = -log e(z, u) / (e(z, u) + e(z, z_0) + sum_r e(z, z_0r)), e(a, b) = exp(cos(a, b) / t).

    z is the state at the last token of a forget row's prompt, z_0 the same before unlearning, z_0r
    those of retain rows, u the mean of those of forget questions with a stranger's name. The
    formula is reconstructed [RECON], and prompts in place of pictures are ours. The paper's updates
    in the null space of what retain inputs use are the wrapper ``null_space``.

    With ``states: pictures``, as in the paper, z is a picture's embedding: the mean over its
    patches of what the language model gets from vision tower and projector, which alone are
    trained. z_0r are those of retain pictures, u the mean of pictures of nobody, each the upper
    part of a retain picture over the lower part of another [RECON]. The retain term ``embedding``
    is then |z_r - z_0r|^2 / H, a mean over retain rows; rows without a picture add nothing to
    either term. Texts without pictures are answered bit by bit as before.
    """

    kind = "representation"
    paper = "Null-space contrastive forgetting, arXiv 2605.05909"
    answers_forget = False
    settings_class = ContrastiveSettings

    before = others = None
    # Of each forget and retain row, its picture; of each picture of a forget row, its place.
    shown = retained = places = None

    def __init__(self, settings=None, name="method"):
        super().__init__(settings, name)
        if self.settings.states == "pictures":
            # Pictures of nobody are made of retain rows', with or without a retain term.
            self.needs = tuple(dict.fromkeys((*self.needs, "retain")))

    @property
    def needs_pictures(self):
        return self.settings.states == "pictures" or super().needs_pictures

    def prepare(self, model, data, seed, how=None):
        if self.settings.states == "pictures":
            self._prepare_pictures(model, data, seed)
        else:
            self._prepare_prompts(model, data, seed)

    def _prepare_prompts(self, model, data, seed):
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

    def _prepare_pictures(self, model, data, seed):
        import torch

        from lethe.common.errors import LetheError
        from lethe.train.data_order import epoch_order
        from lethe.unlearn import visual

        s = self.settings
        self.shown, self.retained = visual.pictures_of(data.forget), visual.pictures_of(data.retain)
        own, others = distinct(self.shown), distinct(self.retained)
        for name, some in (("forget", own), ("retain", others)):
            if not some:
                raise LetheError(
                    f"{self.name}: states: pictures, but no {name} row has one; set it to prompts"
                )
        aims = strange_pictures.strangers(others, s.strangers, seed)
        # A retain picture that is also asked to be forgotten is not to be avoided twice.
        others = [digest for digest in others if digest not in own]
        order = epoch_order(len(others), f"negatives/{seed}", 0)[: s.negatives]
        aim = visual.embeddings_before(model, aims).mean(0, keepdim=True)
        avoided = visual.embeddings_before(model, [others[n] for n in order])
        self.others = torch.cat([aim, *([avoided] if len(avoided) else [])])
        self.before = visual.embeddings_before(model, own)
        self.places = {digest: place for place, digest in enumerate(own)}

    def frozen(self, model):
        from lethe.unlearn import visual

        return visual.besides_tower(model) if self.settings.states == "pictures" else ()

    def forget(self, model, step, reference):
        batch = step.forget
        if self.settings.states == "prompts":
            from lethe.unlearn.strangers import first_places

            hidden = model.hidden(batch, self.settings.layer)
            z = hidden[batch.predictors[first_places(batch)].to(hidden.device)]
            return self._contrast(z, self.before[batch.index]) / batch.rows_total
        rows = [self.shown[row] for row in batch.index]
        z, here = self._seen(model, rows)
        own = self.before[[self.places[digest] for digest in here]]
        return self._contrast(z, own) / batch.rows_total

    def retain(self, model, step, reference):
        import torch

        if self.settings.states == "prompts" or self.settings.retain != "embedding":
            return super().retain(model, step, reference)
        rows = [self.retained[row] for row in step.retain.index]
        z, here = self._seen(model, rows)
        with torch.no_grad():
            original, _ = self._seen(reference.frozen, here)
        return (z - original).square().mean(-1).sum() / step.retain.rows_total

    def _contrast(self, z, own):
        """The sum over rows of the loss; ``z``, ``own`` [rows, H]."""
        import torch
        from torch.nn.functional import cosine_similarity

        others = cosine_similarity(z[:, None], self.others[None], dim=-1)
        own = cosine_similarity(z, own, dim=-1)
        scores = torch.cat([others, own[:, None]], 1) / self.settings.temperature
        return -scores.log_softmax(-1)[:, 0].sum()

    def _seen(self, model, rows):
        """The embeddings of the rows that have a picture, [rows, H], and their pictures."""
        from lethe.unlearn import visual

        here = [digest for digest in rows if digest is not None]
        each = distinct(here)
        # Where no row has a picture, one gives the loss of 0 a gradient of 0.
        z = visual.embeddings(model.model, each or [next(iter(self.places))])
        return z[[each.index(digest) for digest in here]], here
