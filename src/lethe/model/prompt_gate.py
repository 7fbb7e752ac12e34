"""The gate of interventions that act only on prompts near the forget set, and on what follows."""

from __future__ import annotations

from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import torch

from lethe.common.errors import LetheError
from lethe.common.numbers import finite
from lethe.model import plain_rows, prompt_similarity
from lethe.model.batch import Batch
from lethe.model.decoders import decoder_of
from lethe.model.intervention import Base

# Dimensions of the gate's tensors.
GATE = {"idf": 1, "tokens": 1, "centroids": 2}


class Gated(Base):
    """An intervention behind a gate, which sees only the prompt, not the answer.

    A prompt is gated if its similarity to the nearest of ``centroids`` [K, D] is at least
    ``threshold``. Similarity is the cosine of ``lethe.model.prompt_similarity`` vectors: ``tokens``
    [D] are the vocabulary entries of the centroids' columns, ``idf`` [V] are the weights.

    A subclass names the dimensions of its further tensors in ``shapes``. While a pass runs,
    ``chosen`` has the cluster of each of its tokens, or -1, and ``prompt`` whether the token
    belongs to a prompt: [1, T] packed, [B, L] in plain rows and [B, 1] otherwise, where all tokens
    of a row have the same value.
    """

    shapes: ClassVar[dict[str, int]] = {}

    def __init__(self, threshold: float, **tensors: torch.Tensor):
        self.threshold = threshold
        shapes = {**GATE, **self.shapes}
        self.data = {name: tensors.pop(name, None) for name in shapes}
        if tensors or any(t is None or t.dim() != shapes[n] for n, t in self.data.items()):
            raise ValueError(f"it needs tensors {', '.join(shapes)}")
        if not finite(threshold):
            raise ValueError("threshold must be a number")
        if not self._agree():
            raise ValueError("its tensors do not belong together")
        self.chosen: torch.Tensor | None = None
        self.prompt: torch.Tensor | None = None
        # Gates by transformers' own caches, as long as these are in use.
        self._notes: WeakKeyDictionary[Any, dict[int, torch.Tensor]] = WeakKeyDictionary()

    def _agree(self) -> bool:
        """Whether the tensors' sizes and columns belong together."""
        idf, tokens, centroids = (self.data[name] for name in GATE)
        if centroids.shape[1] != len(tokens):
            return False
        return not len(tokens) or 0 <= int(tokens.min()) <= int(tokens.max()) < len(idf)

    def values(self) -> dict:
        return {"threshold": self.threshold}

    def tensors(self) -> dict[str, torch.Tensor]:
        return self.data

    def install(self, model, place: int) -> None:
        self.place = place
        decoder_of(model).register_forward_pre_hook(self._choose, with_kwargs=True)

    def gate(self, counted: torch.Tensor) -> torch.Tensor:
        """The cluster of each prompt, or -1 if it is not gated, [B], from its counts [B, V]."""
        nearest, cluster = self.similarity(counted).max(dim=1)
        return torch.where(nearest >= self.threshold, cluster, -1)

    def similarity(self, counted: torch.Tensor) -> torch.Tensor:
        """Cosine similarity of each prompt to each cluster's centroid, [B, K]."""
        data = {name: self.data[name].to(counted.device) for name in GATE}
        points = prompt_similarity.vectors(counted, data["idf"])
        return points[:, data["tokens"]] @ data["centroids"].T

    def _choose(self, decoder, args, kwargs) -> None:
        """Before a pass: gate its prompts, or reuse the gates of the prompts that it continues."""
        ids = self._tokens(args, kwargs)
        batch, cache = kwargs.get("batch"), kwargs.get("past_key_values")
        if plain_rows.running() is not None:
            now = plain_rows.running()
            chosen, prompt = self._packed(now.batch)
            self.chosen, self.prompt = chosen[now.gather], prompt[now.gather]
            return
        if batch is not None:
            self.chosen, self.prompt = (each[None] for each in self._packed(batch))
            return
        notes = self._notes_of(cache)
        first = cache is None or cache.get_seq_length() == 0 or self.place not in notes
        if first:
            notes[self.place] = self._rows(ids, kwargs.get("attention_mask"))
        self.chosen = notes[self.place][:, None]
        self.prompt = torch.full_like(self.chosen, first, dtype=torch.bool)

    def _tokens(self, args, kwargs) -> torch.Tensor:
        """The token ids of a pass, [B, L]; LetheError if it is given embeddings."""
        ids = kwargs.get("input_ids", args[0] if args else None)
        if ids is None:
            raise LetheError(
                f"{self.kind}: the gate reads token ids; give input_ids, not embeddings"
            )
        return ids

    def _notes_of(self, cache) -> dict[int, torch.Tensor]:
        """The gates of a cache's rows: stored in our own caches, whose rows may leave, or here."""
        if cache is None:
            return {}
        notes = getattr(cache, "notes", None)
        return self._notes.setdefault(cache, {}) if notes is None else notes

    def _packed(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """For each packed token, [T]: its prompt's cluster, and whether it is in the prompt."""
        layout, ids = batch.packing, batch.ids[0]
        rows, longest = layout.gather.shape
        # A prompt ends where the first token of an answer is predicted.
        predicting = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
        predicting[batch.predictors] = True
        end = predicting[layout.gather].int().argmax(dim=1)
        prompt = layout.place <= end[:, None]
        row = torch.arange(rows, device=ids.device)[:, None].expand_as(prompt)
        chosen = self._cluster(ids[layout.gather][prompt], row[prompt], rows)
        # Rows that share a token share the prompt.
        return chosen[layout.scatter // longest], prompt.flatten()[layout.scatter]

    def _rows(self, ids: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """The cluster of each padded row, which holds nothing but a prompt, [B]."""
        real = torch.ones_like(ids, dtype=torch.bool)
        if mask is not None:
            # What the last token sees; a mask of size 1 by 1 applies to all.
            real &= (mask[:, 0, -1] if mask.dim() == 4 else mask).bool()
        row = torch.arange(len(ids), device=ids.device)[:, None].expand_as(ids)
        return self._cluster(ids[real], row[real], len(ids))

    def _cluster(self, ids: torch.Tensor, row: torch.Tensor, rows: int) -> torch.Tensor:
        """The cluster of each prompt, or -1, [rows], from their tokens ``ids`` and ``row`` [N]."""
        return self.gate(prompt_similarity.counts(ids, row, rows, len(self.data["idf"])))
