"""Padded batches, for losses that average over padding as open-unlearning does."""

from collections.abc import Sequence

import torch

from lethe.model.batch import Batch, Packing
from lethe.model.encoder import Example


def padded(examples: Sequence[Example], index: Sequence[int], token: int) -> Batch:
    """A batch in which every sequence is padded with ``token`` to the length of the longest.

    Unlike with ``pack``, each sequence keeps its last token, and padding is computed: it sees the
    text before it, and no other token sees it. Inputs are [rows * longest].
    """
    rows, longest = len(examples), max(map(len, examples))
    place = torch.arange(longest)
    lengths = torch.tensor([len(example) for example in examples])
    causal = place[:, None] >= place[None, :]
    text = place[None, :] < lengths[:, None]
    every = torch.arange(rows * longest)
    starts = [(number * longest + e.start - 1, e) for number, e in enumerate(examples)]
    ids = [[*example.ids, *[token] * (longest - len(example))] for example in examples]
    labels = [token for example in examples for token in example.ids[example.start :]]
    row = [number for number, e in enumerate(examples) for _ in range(e.answer_tokens)]
    return Batch(
        ids=torch.tensor(ids).view(1, -1),
        positions=place.repeat(rows)[None],
        packing=Packing(
            every.view(rows, longest),
            every,
            place.expand(rows, -1),
            (causal[None] & text[:, None])[:, None],
        ),
        predictors=torch.cat([start + torch.arange(e.answer_tokens) for start, e in starts]),
        labels=torch.tensor(labels),
        row=torch.tensor(row),
        rows=rows,
        index=list(index),
        rows_total=rows,
        tokens_total=len(labels),
        inputs_total=rows * longest,
    )
