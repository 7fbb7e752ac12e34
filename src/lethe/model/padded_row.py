"""Packed rows padded to a few shapes, so that work recorded for one shape serves many batches.

Padding tokens are sequences of their own after the real ones. They see only themselves, no result
depends on them, and their gradients are exactly 0: the numbers are those of the batch without them,
up to the rounding of matrix products of another size.
"""

from dataclasses import dataclass

import torch

from lethe.model.batch import Batch, Layout, Packing

# Shapes are multiples of these: tokens of the row, tokens of the longest sequence, sequences.
TOKENS, LONGEST, ROWS = 256, 32, 8


@dataclass(frozen=True)
class Shape:
    """Tokens of a row, its sequences and the places of each in the padded layout."""

    tokens: int
    rows: int
    longest: int

    @property
    def sizes(self) -> dict[str, int]:
        """Integers of each of the tensors that describe a row of this shape."""
        places = self.rows * self.longest
        return {
            "ids": self.tokens,
            "positions": self.tokens,
            "scatter": self.tokens,
            "gather": places,
            "padding": places,
            "place": places,
            "lengths": self.rows,
        }


def fits(batch: Batch) -> bool:
    """Whether a batch can be padded: each token sees its own causal sequence alone."""
    packing = batch.packing
    own = packing.mask is None and packing.exchange is None
    return own and not packing.shared and packing.lengths is not None


def shape_of(batch: Batch) -> Shape:
    """The smallest shape that holds a batch and whatever padding it needs."""
    rows, longest = batch.packing.gather.shape
    longest = _up(longest, LONGEST)
    # Padding, of fewer tokens than TOKENS, is cut into sequences no longer than the others.
    return Shape(_up(batch.ids.shape[1], TOKENS), _up(rows + -(-TOKENS // longest), ROWS), longest)


def _up(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def flattened(batch: Batch, shape: Shape) -> torch.Tensor:
    """All tensors of a batch on the CPU, padded to a shape, one after the other, [n] int64."""
    tokens, lengths = batch.ids.shape[1], batch.packing.lengths
    spare, longest = shape.tokens - tokens, shape.longest
    more = [min(longest, spare - begin) for begin in range(0, spare, longest)]
    lengths = torch.cat([lengths, torch.tensor(more, dtype=torch.long)])
    lengths = torch.nn.functional.pad(lengths, (0, shape.rows - len(lengths)))
    place = torch.arange(longest)
    real = place[None, :] < lengths[:, None]
    begins = lengths.cumsum(0) - lengths
    parts = {
        "ids": torch.nn.functional.pad(batch.ids[0], (0, spare)),
        "positions": torch.cat([batch.positions[0], *(torch.arange(n) for n in more)]),
        "scatter": real.view(-1).nonzero().squeeze(1),
        "gather": torch.where(real, begins[:, None] + place[None, :], 0).view(-1),
        "padding": (~real).view(-1).long(),
        "place": place.expand(shape.rows, -1).reshape(-1),
        "lengths": lengths,
    }
    return torch.cat([parts[name] for name in shape.sizes])


def unflattened(values: torch.Tensor, shape: Shape) -> Batch:
    """A batch whose tensors are parts of ``values``; it has no answers.

    When other values of the same shape are copied there, it is another batch.
    """
    parts = dict(zip(shape.sizes, values.split([*shape.sizes.values()]), strict=True))
    packing = Packing(
        parts["gather"].view(shape.rows, shape.longest),
        parts["scatter"],
        parts["place"].view(shape.rows, shape.longest),
        lengths=parts["lengths"],
    )
    # What a packing derives from its tensors must be derived from them whenever it is used.
    packing.layout = Layout(parts["gather"], parts["scatter"], [(shape.rows, shape.longest)])
    packing.padding = parts["padding"].bool()[:, None, None]
    none = values.new_zeros(0)
    return Batch(
        ids=parts["ids"][None],
        positions=parts["positions"][None],
        packing=packing,
        predictors=none,
        labels=none,
        row=none,
        rows=shape.rows,
        index=[],
        rows_total=shape.rows,
        tokens_total=0,
        inputs_total=shape.tokens,
    )
