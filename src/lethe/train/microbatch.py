"""Micro-batches of an optimizer step: rows of similar length within a token budget, by process.

How a batch is divided does not change the step: a mean over the batch is a sum over micro-batches,
since each of them carries the totals of the whole step.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lethe.model.batch import Batch, pack
from lethe.model.encoder import Example

Pick = Callable[[Sequence[Example], Sequence[int]], Batch]


@dataclass(frozen=True)
class Totals:
    """What a source has in the whole step: rows, answer tokens, input tokens."""

    rows: float
    tokens: float
    inputs: float

    @classmethod
    def of(cls, examples: Sequence[Example]) -> "Totals":
        """The totals of the examples of one step."""
        tokens = sum(example.answer_tokens for example in examples)
        return cls(len(examples), tokens, sum(map(len, examples)) - len(examples))

    def on(self, part: Batch) -> Batch:
        """The micro-batch with these totals."""
        return replace(
            part, rows_total=self.rows, tokens_total=self.tokens, inputs_total=self.inputs
        )


# Totals of an idle micro-batch: whatever is divided by them is 0, and so is its gradient.
ENDLESS = Totals(math.inf, math.inf, math.inf)


def split(
    lengths: Sequence[Sequence[int]], budget: int | None = None, processes: int = 1
) -> list[list[list[int]]]:
    """Divide the rows of a step into groups of similar length, equally many for each process.

    ``lengths[row]``: tokens of each sequence of a row (a forget row, its retain row, ...), which
    stay together. No group has more than ``budget`` padded tokens, unless a single row is longer. A
    step that fits into one group keeps its order. If there are too few rows, groups are empty.
    """
    rows = list(range(len(lengths)))
    if processes == 1 and (budget is None or _padded(lengths, rows) <= budget):
        return [[rows]]
    # Longest first, so that running out of memory happens at once, not at the end.
    order = sorted(rows, key=lambda row: -sum(lengths[row]))
    # Dealt one by one, so that processes get equal work.
    shares = [_groups(lengths, order[process::processes], budget) for process in range(processes)]
    most = max(map(len, shares))
    return [_as_many(groups, lengths, most) for groups in shares]


def _groups(
    lengths: Sequence[Sequence[int]], order: Sequence[int], budget: int | None
) -> list[list[int]]:
    groups: list[list[int]] = [[]]
    for row in order:
        if groups[-1] and budget is not None and _padded(lengths, [*groups[-1], row]) > budget:
            groups.append([])
        groups[-1].append(row)
    return groups


def _padded(lengths: Sequence[Sequence[int]], group: Sequence[int]) -> int:
    """Tokens of a group with every sequence padded to the longest of its source."""
    longest = map(max, zip(*(lengths[row] for row in group), strict=True))
    return len(group) * sum(longest)


def _as_many(
    groups: list[list[int]], lengths: Sequence[Sequence[int]], count: int
) -> list[list[int]]:
    """Halve the largest groups until there are ``count``; single rows cannot be halved."""
    while len(groups) < count:
        largest = max(groups, key=lambda group: (len(group) > 1, _padded(lengths, group)))
        if len(largest) < 2:
            return groups + [[] for _ in range(count - len(groups))]
        place, middle = groups.index(largest), len(largest) // 2
        groups = [*groups[:place], largest[:middle], largest[middle:], *groups[place + 1 :]]
    return groups


def parts(
    sources: Mapping[str, Sequence[Example]],
    rows: Mapping[str, Sequence[int]],
    budget: int | None = None,
    share: tuple[int, int] = (0, 1),
    pick: Pick = pack,
    filled: bool = False,
) -> list[dict[str, Batch]]:
    """A process's micro-batches of one step: for each source a Batch with the step's totals.

    ``rows``: by source the rows of the step, whose k-th entries belong together; ``share``: rank
    and number of processes. ``filled``: a process that has fewer gets idle micro-batches, so that
    all processes run the model equally often.
    """
    chosen = {name: [sources[name][row] for row in index] for name, index in rows.items()}
    totals = {name: Totals.of(examples) for name, examples in chosen.items()}
    lengths = list(zip(*([len(e) for e in examples] for examples in chosen.values()), strict=True))
    process, processes = share

    def batch(name: str, group: list[int], total: Totals) -> Batch:
        part = pick([chosen[name][k] for k in group], [rows[name][k] for k in group])
        return total.on(part)

    mine = split(lengths, budget, processes)[process]
    batches = [
        {name: batch(name, group, totals[name]) for name in chosen} for group in mine if group
    ]
    if filled:
        shortest = min(range(len(lengths)), key=lambda row: sum(lengths[row]))
        idle = {name: batch(name, [shortest], ENDLESS) for name in chosen}
        batches += [idle] * (len(mine) - len(batches))
    return batches
