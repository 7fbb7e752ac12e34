"""The parts of an optimiser step: rows of similar length within a token budget, of each process.

A step's batch is what the configuration says, whatever its parts: a mean over the step is a sum
over parts, since every part knows the totals of the whole step.
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
        """Those of the examples of one step."""
        tokens = sum(example.answer_tokens for example in examples)
        return cls(len(examples), tokens, sum(map(len, examples)) - len(examples))

    def on(self, part: Batch) -> Batch:
        """The part with these as its totals."""
        return replace(
            part, rows_total=self.rows, tokens_total=self.tokens, inputs_total=self.inputs
        )


# Of a part that counts for nothing: whatever is divided by these is 0, and so is its gradient.
ENDLESS = Totals(math.inf, math.inf, math.inf)


def split(
    lengths: Sequence[Sequence[int]], budget: int | None = None, processes: int = 1
) -> list[list[list[int]]]:
    """Cut the rows of a step into groups of similar length, as many for each process.

    ``lengths[row]``: tokens of each sequence of a row (a forget row, its retain row, ...), which
    are never parted. No group has more than ``budget`` padded tokens, but for a single row that is
    longer. A step that needs no cut keeps its order. Where rows are too few, groups are empty.
    """
    rows = list(range(len(lengths)))
    if processes == 1 and (budget is None or _padded(lengths, rows) <= budget):
        return [[rows]]
    # Longest first: what does not fit in memory fails at once, not at the end.
    order = sorted(rows, key=lambda row: -sum(lengths[row]))
    # Dealt one by one, so that processes have equal work.
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
    """Tokens of a group when every sequence is as long as the longest of its source."""
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
    """The parts of one step that a process takes: by source a Batch that knows the step's totals.

    ``rows``: by source the rows of the step, the k-th of each belonging together; ``share``: the
    process and how many there are. ``filled``: a process without rows of its own has a part that
    counts for nothing, so that all pass the model as often as each other.
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
