"""Answers to one question as a tree, in which a shared beginning is computed once.

All answers that share a prompt form one tree, token by token: the prompt, then the answers, which
branch where they first differ (wrong answers are often the right one with a name changed). Linear
layers see every token of the tree once; attention runs over the paths, one row for each answer,
with the positions that the answer would have alone. The values equal those of separate passes up
to floating-point rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lethe.model.batch import Batch, Packing
from lethe.model.encoder import Example


@dataclass
class Tree:
    """Examples with the same prompt; ``keys`` are their indices in the caller's list."""

    prompt: tuple[int, ...]
    examples: list[Example]
    keys: list[int]

    @property
    def longest(self) -> int:
        """Input tokens of the longest prompt and answer; the last token is never an input."""
        return max(map(len, self.examples)) - 1


def trees(examples: Sequence[Example]) -> list[Tree]:
    """Group examples by the token ids of their prompts."""
    by_prompt: dict[tuple[int, ...], Tree] = {}
    for key, example in enumerate(examples):
        prompt = example.ids[: example.start]
        tree = by_prompt.setdefault(prompt, Tree(prompt, [], []))
        tree.examples.append(example)
        tree.keys.append(key)
    return list(by_prompt.values())


def pack_trees(batch: Sequence[Tree]) -> Batch:
    """Pack trees into one row; ``row`` of the result numbers the answers across the batch."""
    longest = max(tree.longest for tree in batch)
    ids, positions, scatter, paths = [], [], [], []
    predictors, labels, row, keys, lengths, ends = [], [], [], [], [], []
    for tree in batch:
        trunk = range(len(ids), len(ids) + len(tree.prompt))
        ids.extend(tree.prompt)
        positions.extend(range(len(trunk)))
        scatter.extend(range(len(paths) * longest, len(paths) * longest + len(trunk)))
        # By the index of the previous token and the token: its index in the packed row.
        places: dict[tuple[int, int], int] = {}
        for key, example in zip(tree.keys, tree.examples, strict=True):
            path, before = [*trunk], trunk[-1]
            for position, token in enumerate(example.ids[example.start : -1], example.start):
                place = places.setdefault((before, token), len(ids))
                if place == len(ids):
                    ids.append(token)
                    positions.append(position)
                    scatter.append(len(paths) * longest + position)
                path.append(place)
                before = place
            # The prompt's last token predicts the answer's first.
            predictors.extend(path[example.start - 1 :])
            labels.extend(example.ids[example.start :])
            row.extend([len(keys)] * example.answer_tokens)
            lengths.append(len(path))
            paths.append(path + [0] * (longest - len(path)))
            keys.append(key)
            ends.append(example.ids[-1])
    place = torch.arange(longest).expand(len(keys), -1)
    return Batch(
        ids=torch.tensor([ids]),
        positions=torch.tensor([positions]),
        packing=Packing(
            torch.tensor(paths),
            torch.tensor(scatter),
            place,
            shared=True,
            lengths=torch.tensor(lengths),
        ),
        predictors=torch.tensor(predictors),
        labels=torch.tensor(labels),
        row=torch.tensor(row),
        rows=len(keys),
        index=keys,
        rows_total=len(keys),
        tokens_total=len(labels),
        inputs_total=len(ids),
        ends=torch.tensor(ends),
    )
