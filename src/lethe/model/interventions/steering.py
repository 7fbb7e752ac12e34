"""Gated steering: for prompts near the forget set, a layer's states are rotated (GUARD-IT)."""

from typing import Any
from weakref import WeakKeyDictionary

import torch

from lethe.common.errors import LetheError
from lethe.common.numbers import finite
from lethe.model import plain_rows, prompt_similarity
from lethe.model.batch import Batch
from lethe.model.decoders import decoder_of
from lethe.model.forward import decoder_layers
from lethe.model.intervention import Base


class Intervention(Base):
    """h' = (h - strength s) |h| / |h - strength s| at every token of a gated prompt and its answer.

    A prompt is gated if its similarity to the nearest of ``centroids`` [K, D] is at least
    ``threshold``; s is that cluster's row of ``directions`` [K, H]. Similarity is the cosine of
    ``lethe.model.prompt_similarity`` vectors: ``tokens`` [D] are the vocabulary entries of the
    centroids' columns, ``idf`` [V] are the weights. Other states are not changed in a single bit.
    The gate sees only the prompt, not the answer.
    """

    def __init__(self, layer: int, strength: float, threshold: float, **tensors: torch.Tensor):
        self.layer, self.strength, self.threshold = layer, strength, threshold
        self.data = {name: tensors.pop(name, None) for name in SHAPES}
        if tensors or any(t is None or t.dim() != SHAPES[n] for n, t in self.data.items()):
            raise ValueError(f"it needs tensors {', '.join(SHAPES)}")
        if type(layer) is not int or not all(map(finite, (strength, threshold))):
            raise ValueError("layer, strength and threshold must be numbers")
        if not self._agree():
            raise ValueError("its tensors do not belong together")
        # The cluster of each token in the running pass, or -1: [1, T] packed, [B, L] in plain rows,
        # [B, 1] otherwise.
        self.chosen: torch.Tensor | None = None
        # Gates by transformers' own caches, as long as these are in use.
        self._notes: WeakKeyDictionary[Any, dict[int, torch.Tensor]] = WeakKeyDictionary()

    def _agree(self) -> bool:
        """Whether the tensors' sizes and columns belong together."""
        idf, tokens, centroids, directions = (self.data[name] for name in SHAPES)
        if centroids.shape != (len(directions), len(tokens)):
            return False
        return not len(tokens) or 0 <= int(tokens.min()) <= int(tokens.max()) < len(idf)

    def values(self) -> dict:
        return {"layer": self.layer, "strength": self.strength, "threshold": self.threshold}

    def tensors(self) -> dict[str, torch.Tensor]:
        return self.data

    def install(self, model, place: int) -> None:
        self.place = place
        layers, size = decoder_layers(model), self.data["directions"].shape[1]
        if not 0 <= self.layer < len(layers) or size != model.config.get_text_config().hidden_size:
            raise LetheError(
                f"intervention.json: this model has no layer {self.layer} with {size} numbers per "
                "token; make the checkpoint again"
            )
        decoder_of(model).register_forward_pre_hook(self._choose, with_kwargs=True)
        decoder_layers(model)[self.layer].register_forward_hook(self._turn)

    def gate(self, counted: torch.Tensor) -> torch.Tensor:
        """The cluster of each prompt, or -1 if it is not gated, [B], from its counts [B, V]."""
        nearest, cluster = self.similarity(counted).max(dim=1)
        return torch.where(nearest >= self.threshold, cluster, -1)

    def similarity(self, counted: torch.Tensor) -> torch.Tensor:
        """Cosine similarity of each prompt to each cluster's centroid, [B, K]."""
        data = {name: t.to(counted.device) for name, t in self.data.items()}
        points = prompt_similarity.vectors(counted, data["idf"])
        return points[:, data["tokens"]] @ data["centroids"].T

    def _choose(self, decoder, args, kwargs) -> None:
        """Before a pass: gate its prompts, or reuse the gates of the prompts that it continues."""
        ids = kwargs.get("input_ids", args[0] if args else None)
        if ids is None:
            raise LetheError("steering: the gate reads token ids; give input_ids, not embeddings")
        batch, cache = kwargs.get("batch"), kwargs.get("past_key_values")
        if plain_rows.running() is not None:
            now = plain_rows.running()
            self.chosen = self._packed(now.batch)[now.gather]
            return
        if batch is not None:
            self.chosen = self._packed(batch)[None]
            return
        notes = self._notes_of(cache)
        if cache is None or cache.get_seq_length() == 0 or self.place not in notes:
            notes[self.place] = self._rows(ids, kwargs.get("attention_mask"))
        self.chosen = notes[self.place][:, None]

    def _notes_of(self, cache) -> dict[int, torch.Tensor]:
        """The gates of a cache's rows: stored in our own caches, whose rows may leave, or here."""
        if cache is None:
            return {}
        notes = getattr(cache, "notes", None)
        return self._notes.setdefault(cache, {}) if notes is None else notes

    def _packed(self, batch: Batch) -> torch.Tensor:
        """The cluster of each token of a packed row, by the prompt of its sequence, [T]."""
        layout, ids = batch.packing, batch.ids[0]
        rows, longest = layout.gather.shape
        # A prompt ends where the first token of an answer is predicted.
        predicting = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
        predicting[batch.predictors] = True
        end = predicting[layout.gather].int().argmax(dim=1)
        prompt = layout.place <= end[:, None]
        row = torch.arange(rows, device=ids.device)[:, None].expand_as(prompt)
        counted = self._count(ids[layout.gather][prompt], row[prompt], rows)
        # Rows that share a token share the prompt.
        return self.gate(counted)[layout.scatter // longest]

    def _rows(self, ids: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """The cluster of each padded row, which holds nothing but a prompt, [B]."""
        real = torch.ones_like(ids, dtype=torch.bool)
        if mask is not None:
            # What the last token sees; a mask of size 1 by 1 applies to all.
            real &= (mask[:, 0, -1] if mask.dim() == 4 else mask).bool()
        row = torch.arange(len(ids), device=ids.device)[:, None].expand_as(ids)
        return self.gate(self._count(ids[real], row[real], len(ids)))

    def _count(self, ids: torch.Tensor, row: torch.Tensor, rows: int) -> torch.Tensor:
        return prompt_similarity.counts(ids, row, rows, len(self.data["idf"]))

    def _turn(self, layer, inputs, output):
        hidden = output[0] if isinstance(output, tuple) else output
        gated = self.chosen >= 0
        if not gated.any():
            return None
        directions = self.data["directions"].to(hidden.device)
        turned = turn(hidden, self.strength * directions[self.chosen.clamp(min=0)])
        steered = torch.where(gated[..., None], turned, hidden)
        return (steered, *output[1:]) if isinstance(output, tuple) else steered


SHAPES = {"idf": 1, "tokens": 1, "centroids": 2, "directions": 2}


def turn(hidden: torch.Tensor, away: torch.Tensor) -> torch.Tensor:
    """``hidden`` - ``away``, scaled to the length of ``hidden``, in its dtype; shape [..., H]."""
    moved = hidden.float() - away
    norm, length = hidden.float().norm(dim=-1, keepdim=True), moved.norm(dim=-1, keepdim=True)
    return (moved * (norm / length.clamp(min=1e-12))).to(hidden.dtype)
