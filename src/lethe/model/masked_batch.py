"""Batches for masked-diffusion models: which tokens are masked, and texts that are seen whole."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from lethe.common.errors import LetheError
from lethe.model.batch import Batch, packing_of
from lethe.model.encoder import Example


def examples_of(batch: Batch) -> list[Example]:
    """The whole texts that a batch was packed from, in its order.

    LetheError for a padded batch, which has other tokens than its texts.
    """
    if batch.ends is None or batch.packing.lengths is None:
        raise LetheError(
            "open_unlearning: its padded batches are for causal models; set it to false"
        )
    parts = batch.ids[0].split(batch.packing.lengths.tolist())
    tokens = torch.bincount(batch.row, minlength=batch.rows).tolist()
    return [
        Example((*part.tolist(), end), len(part) + 1 - count)
        for part, end, count in zip(parts, batch.ends.tolist(), tokens, strict=True)
    ]


def generator(*key: object) -> np.random.Generator:
    """Random numbers that depend on ``key`` alone, such as a seed and the tokens of a text."""
    digest = hashlib.sha256("\n".join(map(str, key)).encode()).digest()
    return np.random.default_rng(list(digest))


def exact_masks(random: np.random.Generator, tokens: int, draws: int) -> np.ndarray:
    """Draws of masks, [draws, tokens]: each masks exactly l places, l uniform in 1..tokens."""
    count = random.integers(1, tokens, size=draws, endpoint=True)
    rank = random.random((draws, tokens)).argsort(axis=1).argsort(axis=1)
    return rank < count[:, None]


def bernoulli_masks(random: np.random.Generator, tokens: int, least: float) -> np.ndarray:
    """One draw, [tokens]: each place is masked with probability t, t uniform in [least, 1]."""
    return random.random(tokens) < random.uniform(least, 1)


def lay_out(
    examples: Sequence[Example],
    masked: Sequence[np.ndarray],
    token: int,
    without_prompt: bool = False,
) -> Batch:
    """A batch of texts some of whose answer tokens are masked by ``token``; each is seen whole.

    ``masked``: by example, [answer tokens] booleans. ``predictors`` and ``labels`` [M] are the
    places of the masked tokens and the tokens masked there; the logits of a place are for that
    place. ``without_prompt``: the tokens of prompts are masked as well, without being predicted.
    """
    ids, predictors, labels, row, offset = [], [], [], [], 0
    for number, (example, mask) in enumerate(zip(examples, masked, strict=True)):
        text = np.array(example.ids)
        if without_prompt:
            text[: example.start] = token
        places = example.start + mask.nonzero()[0]
        labels.append(text[places])
        text[places] = token
        ids.append(text)
        predictors.append(offset + places)
        row.append(np.full(len(places), number))
        offset += len(text)
    lengths = [len(text) for text in ids]
    wanted = torch.from_numpy(np.concatenate(labels))
    return Batch(
        ids=torch.from_numpy(np.concatenate(ids))[None],
        positions=torch.cat([torch.arange(length) for length in lengths])[None],
        packing=_seen_whole(lengths),
        predictors=torch.from_numpy(np.concatenate(predictors)),
        labels=wanted,
        row=torch.from_numpy(np.concatenate(row)),
        rows=len(examples),
        index=list(range(len(examples))),
        rows_total=len(examples),
        tokens_total=len(wanted),
        inputs_total=offset,
    )


def _seen_whole(lengths: Sequence[int]):
    """Where packed tokens belong if every token of a text sees all of it, and no padding."""
    packing = packing_of(lengths)
    longest = packing.gather.shape[1]
    real = torch.arange(longest)[None, :] < torch.tensor(lengths)[:, None]
    mask = real[:, None, None, :].expand(-1, 1, longest, -1)
    return replace(packing, mask=mask, lengths=None)
