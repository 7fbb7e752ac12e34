"""Gated steering in a model that sees: a prompt with a picture is judged by what it shows."""

from typing import ClassVar

import torch

from lethe.common.errors import LetheError
from lethe.common.numbers import finite
from lethe.model import plain_rows, sight
from lethe.model.interventions import steering
from lethe.model.picture_tokens import FIRST, PATCH_BITS


class Intervention(steering.Intervention):
    """``steering`` with a second gate, for prompts with pictures; the first judges the others.

    A picture is the mean of what the language model gets for it, less ``picture_centre`` [H]. A
    prompt is gated if the cosine of one of its pictures to the nearest of ``picture_centroids``
    [P, H] is at least ``picture_threshold``. ``directions`` [K + P, H] has those of the first
    gate's K clusters, then those of the P clusters of pictures. Either may be none [RECON].
    """

    shapes: ClassVar[dict[str, int]] = {
        **steering.Intervention.shapes,
        "picture_centre": 1,
        "picture_centroids": 2,
    }

    def __init__(
        self,
        layer: int,
        strength: float,
        threshold: float,
        picture_threshold: float,
        **tensors: torch.Tensor,
    ):
        super().__init__(layer, strength, threshold, **tensors)
        self.picture_threshold = picture_threshold
        if not finite(picture_threshold):
            raise ValueError("picture_threshold must be a number")
        # The pictures of the pass that is running by number, sorted, and their cosines [N, P].
        self._pictures = torch.zeros(0, dtype=torch.long)
        self._cosines = torch.zeros(0, len(self.data["picture_centroids"]))

    def _agree(self) -> bool:
        names = "picture_centre", "picture_centroids", "directions"
        return super()._agree() and len({self.data[name].shape[-1] for name in names}) == 1

    @property
    def clusters(self) -> int:
        return super().clusters + len(self.data["picture_centroids"])

    def values(self) -> dict:
        return {**super().values(), "picture_threshold": self.picture_threshold}

    def gate(self, counted: torch.Tensor) -> torch.Tensor:
        """The cluster of each prompt by its words, or -1, [B]."""
        return nearest(self.similarity(counted), self.threshold)

    def picture_similarity(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Cosine of pictures, means of their inputs [N, H], to each centroid, [N, P]."""
        device = embeddings.device
        points = embeddings - self.data["picture_centre"].to(device)
        centroids = self.data["picture_centroids"].to(device)
        return torch.nn.functional.normalize(points, dim=-1) @ centroids.T

    def _choose(self, decoder, args, kwargs) -> None:
        self._pictures, embeddings = self._pictures[:0], kwargs.get("inputs_embeds")
        if embeddings is not None:
            self._look(self._tokens(args, kwargs), embeddings)
        super()._choose(decoder, args, kwargs)

    def _tokens(self, args, kwargs) -> torch.Tensor:
        """Those for which our own passes have embeddings; LetheError in transformers' own."""
        if kwargs.get("inputs_embeds") is None:
            return super()._tokens(args, kwargs)
        rows, batch = plain_rows.running(), kwargs.get("batch")
        if rows is not None:
            return rows.ids
        if batch is not None:
            return batch.ids
        ids = getattr(kwargs.get("past_key_values"), "notes", {}).get(sight.TOKENS)
        if ids is None:
            raise LetheError(
                f"{self.kind}: the gate must know which tokens are pictures, which transformers' "
                "own passes do not say; ask the model through lethe"
            )
        return ids

    def _look(self, ids: torch.Tensor, embeddings: torch.Tensor) -> None:
        """Compare the pictures of a pass, tokens ``ids`` [B, L] with embeddings [B, L, H]."""
        seen = ids >= FIRST
        self._pictures, which = _numbers(ids[seen]).unique(return_inverse=True)
        shown = embeddings[seen].detach().float()
        sums = shown.new_zeros(len(self._pictures), shown.shape[-1]).index_add(0, which, shown)
        self._cosines = self.picture_similarity(sums / which.bincount()[:, None])

    def _cluster(self, ids: torch.Tensor, row: torch.Tensor, rows: int) -> torch.Tensor:
        seen = ids >= FIRST
        by_words = super()._cluster(ids[~seen], row[~seen], rows)
        if not bool(seen.any()):
            return by_words
        row, number = row[seen], _numbers(ids[seen])
        shows = torch.zeros_like(by_words, dtype=torch.bool).index_fill(0, row, True)
        # Of a batch that takes several passes, the pictures of other passes are unknown here.
        known = self._pictures.to(number.device)
        here = torch.isin(number, known)
        cosines = self._cosines.to(number.device)[torch.searchsorted(known, number[here])]
        best = cosines.new_full((rows, cosines.shape[1]), -torch.inf)
        best.scatter_reduce_(0, row[here, None].expand_as(cosines), cosines, "amax")
        cluster = nearest(best, self.picture_threshold)
        by_picture = torch.where(cluster < 0, cluster, cluster + len(self.data["centroids"]))
        return torch.where(shows, by_picture, by_words)


def nearest(similarity: torch.Tensor, threshold: float) -> torch.Tensor:
    """Which column is the largest of each row, if at least ``threshold``; else -1, [rows]."""
    if not similarity.shape[1]:
        return torch.full((len(similarity),), -1, device=similarity.device)
    value, column = similarity.max(dim=1)
    return torch.where(value >= threshold, column, -1)


def _numbers(patches: torch.Tensor) -> torch.Tensor:
    """The numbers of the pictures that patches belong to."""
    return (patches - FIRST) >> PATCH_BITS
