"""Losses of many answers to one question, with what they share computed once.

All answers that share a prompt form one tree, token by token: the prompt, then the answers, which
part where they first differ (wrong answers are often the right one with a name changed). Linear
layers see every token of the tree once; attention works on the paths, one row for each answer, with
the positions that it would have alone. The values are those of separate passes, to float rounding.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

import torch

from lethe import mixing
from lethe.forward import Forward
from lethe.packing import Batch, Packing
from lethe.text import Example

# Padded tokens of a batch, by measurement (docs/benchmarks.md); a GPU has to be filled.
BUDGET = {"cpu": 4096, "cuda": 2**15}


@dataclass
class Tree:
    """Examples with one prompt; ``keys`` name their places in the caller's list."""

    prompt: tuple[int, ...]
    examples: list[Example]
    keys: list[int]

    @property
    def longest(self) -> int:
        """Input tokens of the longest answer with its prompt; no last token is an input."""
        return max(map(len, self.examples)) - 1


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
    """Batches of similar length whose answers, padded to the longest, are ``budget`` tokens."""
    batch: list[Tree] = []
    rows = 0
    # Longest first: a batch that does not fit in memory fails at once, not at the end.
    for tree in sorted(items, key=lambda tree: tree.longest, reverse=True):
        rows += len(tree.examples)
        if batch and batch[0].longest * rows > budget:
            yield batch
            batch, rows = [], len(tree.examples)
        batch.append(tree)
    if batch:
        yield batch


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
        # By the place of the token before it: where an answer's token stands in the packed row.
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


def packed_batches(
    model, examples: Sequence[Example], budget: int | None = None
) -> Iterator[Batch]:
    """All examples in packed trees; ``budget``: padded tokens of each, None: by the device.

    For models that run plain rows each answer is a tree of its own: what it shares with others is
    computed for each, and may depend on its length.
    """
    group = trees if _shares(model, examples) else _apart
    for batch in by_budget(group(examples), budget or BUDGET[model.device.type]):
        yield pack_trees(batch)


def _shares(model, examples: Sequence[Example]) -> bool:
    """Whether a model runs trees: packed rows, whatever their length."""
    longest, mixed = max(map(len, examples), default=0), mixing.of(model)
    return mixed.layout == mixed.layout_of(longest) == mixing.PACKED


def _apart(examples: Sequence[Example]) -> list[Tree]:
    return [Tree(e.ids[: e.start], [e], [key]) for key, e in enumerate(examples)]


@dataclass
class Likelihoods:
    """Of each example: ``loss``, the mean negative log-likelihood of an answer token (nats), and
    ``own``: how many of the answer's tokens, from its first, greedy decoding would say as well
    (0 where that was not asked).
    """

    loss: list[float]
    own: list[int]


class Likelihood:
    """The same answers under one model after another: they are packed once for all.

    ``compared``: examples whose answers are compared with what the model would say.
    """

    def __init__(self, examples: Sequence[Example], compared: Iterable[int] = ()):
        self.examples, self.compared = examples, set(compared)
        self._packed: dict[tuple[int, bool], list[_Once]] = {}

    @torch.inference_mode()
    def __call__(self, model, budget: int | None = None) -> Likelihoods:
        """What a model gives to each answer, in the order of the examples.

        ``budget``: padded tokens of a batch; None: as many as pay on the model's device.
        """
        forward = Forward(model)
        found = Likelihoods([0.0] * len(self.examples), [0] * len(self.examples))
        for once in self._batches(model, budget or BUDGET[model.device.type]):
            packed, token = once.packed, once.token
            scores = forward.token_scores(once.distinct, once.compared)
            nll, likeliest = (score.cpu()[token] for score in scores)
            sums = nll.new_zeros(packed.rows, dtype=torch.double)
            sums.index_add_(0, packed.row, nll.double())
            means = (sums / torch.bincount(packed.row)).tolist()
            own = _leading(likeliest & once.asked, packed)
            for key, *values in zip(packed.index, means, own, strict=True):
                found.loss[key], found.own[key] = values
        return found

    def _batches(self, model, budget: int) -> "list[_Once]":
        key = budget, _shares(model, self.examples)
        if key not in self._packed:
            batches = packed_batches(model, self.examples, budget)
            self._packed[key] = [_once(packed, self.compared) for packed in batches]
        return self._packed[key]


def mean_losses(model, examples: Sequence[Example], budget: int | None = None) -> list[float]:
    """Mean negative log-likelihood per answer token (nats) of each example, in their order."""
    return Likelihood(examples)(model, budget).loss


def _leading(flags: torch.Tensor, packed: Batch) -> list[int]:
    """How many of each answer's flags [N] are set before the first that is not."""
    count = torch.bincount(packed.row, minlength=packed.rows)
    place = torch.arange(len(flags)) - (count.cumsum(0) - count)[packed.row]
    unset = ~flags
    return count.scatter_reduce(0, packed.row[unset], place[unset], "amin").tolist()


@dataclass
class _Once:
    """A packed batch, and the same with each token that answers share once.

    ``token`` [N]: which of the ``distinct`` ones each of the batch's is; ``asked`` [N] and
    ``compared`` [distinct]: those whose answers are compared.
    """

    packed: Batch
    distinct: Batch
    token: torch.Tensor
    asked: torch.Tensor
    compared: torch.Tensor


def _once(packed: Batch, compared: Set[int]) -> _Once:
    size = int(packed.labels.max()) + 1
    pairs, token = (packed.predictors * size + packed.labels).unique(return_inverse=True)
    distinct = replace(packed, predictors=pairs // size, labels=pairs % size)
    asked = torch.tensor([key in compared for key in packed.index])[packed.row]
    of_distinct = asked.new_zeros(len(pairs)).index_fill(0, token[asked], True)
    return _Once(packed, distinct, token, asked, of_distinct)
