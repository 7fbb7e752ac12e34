"""Batches without padding: the tokens of all sequences in one row, for any causal LM.

The linear layers of a transformer see real tokens only; only attention, which must keep sequences
apart, works on a padded layout that it builds and takes down itself. This is done through
transformers' attention interface, so every model that supports it runs unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import scaled_dot_product_attention

from lethe.text import Example

ATTENTION = "lethe_packed"


@dataclass
class Packing:
    """Where the tokens of a packed row belong in a padded layout.

    ``gather`` [B, L] index into the packed tokens (0 at padding), ``scatter`` [T] index into the
    flattened padded layout, ``place`` [B, L] the position of each in its own sequence, ``mask``
    [B, 1, L, L] which token sees which, or None: causal.
    """

    gather: torch.Tensor
    scatter: torch.Tensor
    place: torch.Tensor
    mask: torch.Tensor | None = None

    def spread(self, packed: torch.Tensor) -> torch.Tensor:
        """[1, H, T, D] -> [B, H, L, D]."""
        rows, length = self.gather.shape
        tokens = packed[0].transpose(0, 1)
        # Faster than indexing, and so is its gradient: rows are copied whole.
        found = tokens.index_select(0, self.gather.reshape(-1))
        return found.view(rows, length, *tokens.shape[1:]).transpose(1, 2)

    def windowed(self, window: int | None) -> torch.Tensor | None:
        """The mask of a layer that sees ``window`` tokens back; None where causal says it all."""
        if window is None or int(self.place.max()) < window:
            return self.mask
        back = self.place[:, :, None] - self.place[:, None, :]
        length = back.shape[-1]
        order = torch.ones(length, length, dtype=torch.bool, device=back.device).tril()
        seen = order if self.mask is None else self.mask[:, 0]
        # A token always sees itself: padding would else see nothing, and NaN would spread.
        own = torch.eye(length, dtype=torch.bool, device=back.device)
        return ((seen & (back < window)) | own)[:, None]

    def collapse(self, padded: torch.Tensor) -> torch.Tensor:
        """[B, H, L, D] -> [1, T, H, D]."""
        tokens = padded.transpose(1, 2).flatten(0, 1)
        return tokens.index_select(0, self.scatter).unsqueeze(0)


def packed_attention(
    module, query, key, value, attention_mask, scaling=None, dropout=0.0, **kwargs
):
    """Scaled dot-product attention within each sequence of a packed row.

    query [1, H, T, D], key and value [1, H_kv, T, D]; the ``Packing`` comes as keyword. Without
    one (generation with a cache, say) it is transformers' own SDPA.
    """
    packing: Packing | None = kwargs.pop("packing", None)
    if packing is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **kwargs
        )
    groups = getattr(module, "num_key_value_groups", 1)
    mask = packing.windowed(kwargs.get("sliding_window"))
    out = scaled_dot_product_attention(
        packing.spread(query),
        packing.spread(key),
        packing.spread(value),
        attn_mask=mask,
        is_causal=mask is None,
        scale=scaling,
        dropout_p=dropout,
        enable_gqa=groups > 1,
    )
    return packing.collapse(out), None


def use_packing(model) -> None:
    """Let a transformers model run packed batches; other calls of it stay as they were."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(ATTENTION, packed_attention)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)
    model.set_attn_implementation(ATTENTION)


@dataclass
class Batch:
    """Tokenised sequences in packed form.

    ids, positions [1, T]; ``predictors`` [N] packed positions whose next token is an answer's,
    ``labels`` [N] those tokens, ``row`` [N] the sequence that each belongs to (0..rows-1).
    ``rows_total``, ``tokens_total`` (of answers) and ``inputs_total`` (packed tokens) count the
    whole optimiser step when this is a part of it, so that a mean over the step is a sum over its
    parts.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    packing: Packing
    predictors: torch.Tensor
    labels: torch.Tensor
    row: torch.Tensor
    rows: int
    index: list[int]
    rows_total: int
    tokens_total: int
    inputs_total: int


def _layout(lengths: Sequence[int]) -> Packing:
    longest = max(lengths)
    size = torch.tensor(lengths)
    offset = size.cumsum(0) - size
    place = torch.arange(longest)
    real = place[None, :] < size[:, None]
    gather = torch.where(real, offset[:, None] + place[None, :], 0)
    scatter = real.view(-1).nonzero().squeeze(1)
    return Packing(gather, scatter, place.expand(len(lengths), -1))


def pack(examples: Sequence[Example], index: Sequence[int] | None = None) -> Batch:
    """Pack examples in the order given; ``index`` names them (positions in their data set)."""
    # A sequence's last token predicts nothing, so it need not be an input.
    lengths = [len(example) - 1 for example in examples]
    offset, predictors, labels, row = 0, [], [], []
    for number, (example, length) in enumerate(zip(examples, lengths, strict=True)):
        predictors.extend(range(offset + example.start - 1, offset + length))
        labels.extend(example.ids[example.start :])
        row.extend([number] * example.answer_tokens)
        offset += length
    return Batch(
        ids=torch.tensor([[token for example in examples for token in example.ids[:-1]]]),
        positions=torch.cat([torch.arange(length) for length in lengths])[None],
        packing=_layout(lengths),
        predictors=torch.tensor(predictors),
        labels=torch.tensor(labels),
        row=torch.tensor(row),
        rows=len(examples),
        index=list(range(len(examples)) if index is None else index),
        rows_total=len(examples),
        tokens_total=len(labels),
        inputs_total=sum(lengths),
    )


def to_device(batch: Batch, device: torch.device | str) -> Batch:
    """Move a batch's tensors; a no-op where they are there already."""
    if torch.device(device).type == "cpu":
        return batch
    packing = batch.packing
    moved = {
        name: getattr(batch, name).to(device)
        for name in ("ids", "positions", "predictors", "labels", "row")
    }
    mask = None if packing.mask is None else packing.mask.to(device)
    layout = (packing.gather, packing.scatter, packing.place)
    moved["packing"] = Packing(*(tensor.to(device) for tensor in layout), mask)
    return Batch(**{**batch.__dict__, **moved})
