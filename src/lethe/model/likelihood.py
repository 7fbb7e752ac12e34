"""Losses of many answers to a question; what they share is computed once (``answer_trees``)."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TypeVar

import torch

from lethe.model import attached, token_mixing
from lethe.model.answer_trees import Tree, pack_trees, trees
from lethe.model.batch import Batch
from lethe.model.encoder import Example
from lethe.model.forward import Forward

# Padded tokens of a batch, by measurement (docs/benchmarks.md); a GPU needs large batches.
BUDGET = {"cpu": 4096, "cuda": 2**15}

Item = TypeVar("Item")


def by_budget(
    items: Iterable[Item],
    budget: int,
    length: Callable[[Item], int],
    rows: Callable[[Item], int] = lambda item: 1,
) -> Iterator[list[Item]]:
    """Batches of similar length whose rows, padded to the longest, have at most ``budget`` tokens.

    ``length``: tokens of an item's longest row; ``rows``: how many rows it has. A single item may
    have more than the budget. Items of equal length stay in their order.
    """
    batch: list[Item] = []
    count = 0
    # Longest first: a batch that does not fit in memory fails at once, not at the end.
    for item in sorted(items, key=length, reverse=True):
        count += rows(item)
        if batch and length(batch[0]) * count > budget:
            yield batch
            batch, count = [], rows(item)
        batch.append(item)
    if batch:
        yield batch


def tree_batches(items: Iterable[Tree], budget: int) -> Iterator[list[Tree]]:
    """Trees in batches of ``budget`` padded tokens of answers (``by_budget``)."""
    return by_budget(items, budget, attrgetter("longest"), lambda tree: len(tree.examples))


def packed_batches(
    model, examples: Sequence[Example], budget: int | None = None
) -> Iterator[Batch]:
    """All examples in packed trees; ``budget``: padded tokens of each batch, None: by the device.

    For models that run plain rows each answer is a tree of its own: what it shares with others is
    computed for each, because it may depend on an answer's length.
    """
    group = trees if _shares(model, examples) else _apart
    for batch in tree_batches(group(examples), budget or BUDGET[model.device.type]):
        yield pack_trees(batch)


def _shares(model, examples: Sequence[Example]) -> bool:
    """Whether a model can run trees: packed rows for examples of all these lengths."""
    longest, mixed = max(map(len, examples), default=0), token_mixing.of(model)
    return mixed.layout == mixed.layout_of(longest) == token_mixing.PACKED


def _apart(examples: Sequence[Example]) -> list[Tree]:
    return [Tree(e.ids[: e.start], [e], [key]) for key, e in enumerate(examples)]


@dataclass
class Likelihoods:
    """One value for each example.

    ``loss``: mean negative log-likelihood of an answer token (nats). ``own``: how many of the
    answer's first tokens greedy decoding would produce as well (0 if the example is not compared).
    ``error``: the standard error of each loss where it is an estimate, else None.
    """

    loss: list[float]
    own: list[int]
    error: list[float] | None = None


class Likelihood:
    """Scores the same answers under one model after another; they are packed only once.

    ``compared``: indices of examples whose answers are compared with greedy decoding.
    """

    def __init__(self, examples: Sequence[Example], compared: Iterable[int] = ()):
        self.examples, self.compared = examples, set(compared)
        self._packed: dict[tuple[int, bool], list[_Once]] = {}

    @torch.inference_mode()
    def __call__(self, model, budget: int | None = None) -> Likelihoods:
        """A model's likelihoods of all answers, in the order of the examples.

        ``budget``: padded tokens of a batch; None: as many as is fastest on the model's device.
        """
        estimator = attached.model_state(model).estimator
        if estimator is not None:
            return estimator.likelihoods(model, self.examples, budget)
        forward = Forward(model)
        results = Likelihoods([0.0] * len(self.examples), [0] * len(self.examples))
        for once in self._batches(model, budget or BUDGET[model.device.type]):
            packed, token = once.packed, once.token
            scores = forward.token_scores(once.distinct, once.compared)
            nll, likeliest = (score.cpu()[token] for score in scores)
            sums = nll.new_zeros(packed.rows, dtype=torch.double)
            sums.index_add_(0, packed.row, nll.double())
            means = (sums / torch.bincount(packed.row)).tolist()
            own = _leading(likeliest & once.asked, packed)
            for key, *values in zip(packed.index, means, own, strict=True):
                results.loss[key], results.own[key] = values
        return results

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
    """How many of each answer's flags [N] are set before the first one that is not."""
    count = torch.bincount(packed.row, minlength=packed.rows)
    place = torch.arange(len(flags)) - (count.cumsum(0) - count)[packed.row]
    unset = ~flags
    return count.scatter_reduce(0, packed.row[unset], place[unset], "amin").tolist()


@dataclass
class _Once:
    """A packed batch, and the same batch with predicted tokens that answers share only once.

    ``token`` [N]: the index in ``distinct`` of each predicted token of ``packed``; ``asked`` [N]
    and ``compared`` [distinct]: the tokens of answers that are compared.
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
