"""Losses of many answers to one question, with the question encoded once.

All answers that share a prompt form one tree: the prompt's tokens, then each answer's, where an
answer sees the prompt and itself only and takes the positions that it would have alone. The values
are those of separate passes, to float rounding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from lethe.forward import Forward
from lethe.packing import Batch, Packing
from lethe.text import Example


@dataclass
class Tree:
    """Examples with one prompt; ``keys`` name their places in the caller's list."""

    prompt: tuple[int, ...]
    examples: list[Example]
    keys: list[int]

    def __len__(self) -> int:
        """Number of input tokens: the prompt once, each answer without its last token."""
        return len(self.prompt) + sum(example.answer_tokens - 1 for example in self.examples)


def trees(examples: Sequence[Example]) -> list[Tree]:
    """Group examples by the token ids of their prompts."""
    found: dict[tuple[int, ...], Tree] = {}
    for key, example in enumerate(examples):
        prompt = example.ids[: example.start]
        tree = found.setdefault(prompt, Tree(prompt, [], []))
        tree.examples.append(example)
        tree.keys.append(key)
    return list(found.values())


def by_budget(items: Sequence[Tree], budget: int) -> Iterator[list[Tree]]:
    """Batches of similar length whose padded size stays within ``budget`` tokens."""
    batch: list[Tree] = []
    # Longest first: a batch that does not fit in memory fails at once, not at the end.
    for tree in sorted(items, key=len, reverse=True):
        if batch and len(batch[0]) * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(tree)
    if batch:
        yield batch


def pack_trees(batch: Sequence[Tree]) -> Batch:
    """Pack trees into one row; ``row`` of the result numbers the answers across the batch."""
    ids, positions, segments, lengths = [], [], [], []
    predictors, labels, row, keys = [], [], [], []
    for tree in batch:
        offset, start = len(ids), len(tree.prompt)
        ids.extend(tree.prompt)
        positions.extend(range(start))
        segment = [0] * start
        for number, example in enumerate(tree.examples, start=1):
            inner = example.ids[start:-1]
            # The prompt's last token predicts the answer's first.
            predictors.append(offset + start - 1)
            predictors.extend(range(len(ids), len(ids) + len(inner)))
            ids.extend(inner)
            positions.extend(range(start, start + len(inner)))
            segment.extend([number] * len(inner))
            labels.extend(example.ids[start:])
            row.extend([len(keys)] * example.answer_tokens)
            keys.append(tree.keys[number - 1])
        segments.append(segment)
        lengths.append(len(segment))
    return Batch(
        ids=torch.tensor([ids]),
        positions=torch.tensor([positions]),
        packing=_tree_packing(segments, lengths, positions),
        predictors=torch.tensor(predictors),
        labels=torch.tensor(labels),
        row=torch.tensor(row),
        rows=len(keys),
        index=keys,
        rows_total=len(keys),
        tokens_total=len(labels),
        inputs_total=len(ids),
    )


def _tree_packing(segments: list[list[int]], lengths: list[int], positions: list[int]) -> Packing:
    longest = max(lengths)
    # Padding is a segment of its own: it sees something (no NaN), and nothing sees it.
    segment = torch.tensor([s + [-1] * (longest - len(s)) for s in segments])
    real = segment >= 0
    offset = torch.tensor(lengths).cumsum(0) - torch.tensor(lengths)
    place = torch.arange(longest)
    gather = torch.where(real, offset[:, None] + place[None, :], 0)
    own = segment[:, :, None] == segment[:, None, :]
    prompt = (segment == 0)[:, None, :]
    earlier = place[:, None] >= place[None, :]
    mask = (own | prompt) & earlier
    scatter = real.view(-1).nonzero().squeeze(1)
    return Packing(gather, scatter, torch.tensor(positions)[gather], mask[:, None])


@torch.inference_mode()
def mean_losses(model, examples: Sequence[Example], budget: int = 4096) -> list[float]:
    """Mean negative log-likelihood per answer token (nats) of each example, in their order."""
    forward = Forward(model)
    losses = [0.0] * len(examples)
    for batch in by_budget(trees(examples), budget):
        packed = pack_trees(batch)
        out = forward.answers(packed)
        sums = out.by_sequence(out.token_nll().double())
        means = (sums / out.sequence_tokens()).tolist()
        for key, value in zip(packed.index, means, strict=True):
            losses[key] = value
    return losses
