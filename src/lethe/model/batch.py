"""Batches without padding: the tokens of all sequences in one row, for any causal LM.

The linear layers of a transformer see real tokens only. Only attention (``lethe.model.attention``),
which must keep sequences apart, works on a padded layout, which it builds and undoes itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch

from lethe.model.encoder import Example

# Rows per attention call on a CPU, by measurement (docs/benchmarks.md).
BLOCK = 4


@dataclass
class Packing:
    """Where the tokens of a packed row belong in a padded layout.

    ``gather`` [B, L] index into the packed tokens (0 at padding), ``scatter`` [T] index into the
    flattened padded layout, ``place`` [B, L] the position of each in its own sequence, ``mask``
    [B, 1, L, L] which token sees which, or None: causal; ``shared``: tokens may have several
    places; ``lengths`` [B]: of the sequences, if causal. ``exchange``: gives attention other keys
    and values, (key, value) -> (key, value), each [1, H_kv, T, D] with positions applied; it is
    called once a layer, in order.
    """

    gather: torch.Tensor
    scatter: torch.Tensor
    place: torch.Tensor
    mask: torch.Tensor | None = None
    shared: bool = False
    lengths: torch.Tensor | None = None
    exchange: Callable[[torch.Tensor, torch.Tensor], tuple] | None = None

    @cached_property
    def bounds(self) -> tuple[torch.Tensor, int]:
        """Where each sequence begins in the packed row and where the last ends; longest length."""
        lengths = self.lengths
        bounds = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)]).int()
        return bounds, self.gather.shape[1]

    def derive(self) -> None:
        """Derive now what is otherwise derived on first use, for code that is being compiled."""
        for name in ("layout", "padding", *(["bounds"] if self.lengths is not None else [])):
            getattr(self, name)

    def spread(self, packed: torch.Tensor) -> list[torch.Tensor]:
        """Packed values [1, H, T, D] as padded blocks [B, H, L, D]."""
        tokens = packed[0].transpose(0, 1)
        layout = self.layout
        padded = self._moved(_Spread, tokens, layout.gather)
        blocks = padded.split([rows * length for rows, length in layout.shapes])
        return [
            block.view(*shape, *tokens.shape[1:]).transpose(1, 2)
            for block, shape in zip(blocks, layout.shapes, strict=True)
        ]

    def collapse(self, padded: list[torch.Tensor]) -> torch.Tensor:
        """Padded blocks [B, H, L, D] as packed values [1, T, H, D]."""
        blocks = [block.transpose(1, 2).flatten(0, 1) for block in padded]
        tokens = blocks[0] if len(blocks) == 1 else torch.cat(blocks)
        return self._moved(_Collapse, tokens, self.layout.scatter).unsqueeze(0)

    def _moved(self, function, tokens: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """The rows ``index`` of ``tokens``; ``index_select`` is faster than indexing."""
        if self.shared or not (torch.is_grad_enabled() and tokens.requires_grad):
            return tokens.index_select(0, index)
        return function.apply(tokens, self.layout.gather, self.layout.scatter, self.padding)

    @cached_property
    def layout(self) -> "Layout":
        """The padded layout of attention; on a CPU, blocks of rows of similar length."""
        rows, longest = self.gather.shape
        if self.mask is None and not self.gather.is_cuda:
            return self._in_blocks()
        return Layout(self.gather.reshape(-1), self.scatter, [(rows, longest)])

    def _in_blocks(self) -> "Layout":
        longest = self.gather.shape[1]
        row, place = self.scatter // longest, self.scatter % longest
        order = self.lengths.argsort(descending=True, stable=True)
        gathers, shapes = [], []
        # Where each row begins in the flattened blocks.
        starts, begin = torch.empty_like(order), 0
        for some in order.split(BLOCK):
            length = int(self.lengths[some[0]])
            gathers.append(self.gather[some, :length].reshape(-1))
            shapes.append((len(some), length))
            starts[some] = begin + length * torch.arange(len(some))
            begin += length * len(some)
        return Layout(torch.cat(gathers), starts[row] + place, shapes)

    @cached_property
    def padding(self) -> torch.Tensor:
        """Which positions of the layout hold no token, [P, 1, 1]."""
        layout = self.layout
        empty = torch.ones(len(layout.gather), dtype=torch.bool, device=self.gather.device)
        empty[layout.scatter] = False
        return empty[:, None, None]

    def masks(self, window: int | None) -> list[torch.Tensor | None]:
        """The attention mask of each block for a sliding ``window``; None: all earlier tokens."""
        if self.mask is not None:
            return [self._windowed(window)]
        return [_band(length, window, self.gather.device) for _, length in self.layout.shapes]

    def _windowed(self, window: int | None) -> torch.Tensor:
        """The mask, limited to a sliding window of ``window`` tokens."""
        if window is None or int(self.place.max()) < window:
            return self.mask
        back = self.place[:, :, None] - self.place[:, None, :]
        # A token always sees itself: otherwise padding would see nothing, and NaN would spread.
        own = torch.eye(back.shape[-1], dtype=torch.bool, device=back.device)
        return ((self.mask[:, 0] & (back < window)) | own)[:, None]


@dataclass
class Layout:
    """Padded blocks of rows, flattened one after the other into P positions.

    ``gather`` [P]: the packed token at each position; ``scatter`` [T]: the position of each token;
    ``shapes``: rows and length of each block.
    """

    gather: torch.Tensor
    scatter: torch.Tensor
    shapes: list[tuple[int, int]]


def _band(length: int, window: int | None, device) -> torch.Tensor | None:
    """Sliding-window causal mask [1, 1, L, L]; None: a plain causal mask will do."""
    if window is None or length <= window:
        return None
    order = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    return order.triu(1 - window)[None, None]


class _Spread(torch.autograd.Function):
    """Packed tokens to padded positions. Each has one position, whose gradient is copied back.

    The gradient of ``index_select`` would be a sum by index, which is deterministic only with a
    sort. Padding has no gradient, because no output that counts depends on it.
    """

    @staticmethod
    def forward(ctx, tokens, gather, scatter, padding):
        ctx.save_for_backward(gather, scatter, padding)
        return tokens.index_select(0, gather)

    @staticmethod
    def backward(ctx, gradient):
        return _Collapse.apply(gradient, *ctx.saved_tensors), None, None, None


class _Collapse(torch.autograd.Function):
    """The inverse of ``_Spread``; outputs at padding are dropped, and their gradient is 0."""

    @staticmethod
    def forward(ctx, padded, gather, scatter, padding):
        ctx.save_for_backward(gather, scatter, padding)
        return padded.index_select(0, scatter)

    @staticmethod
    def backward(ctx, gradient):
        gather, scatter, padding = ctx.saved_tensors
        spread = _Spread.apply(gradient, gather, scatter, padding)
        return spread.masked_fill(padding, 0), None, None, None


@dataclass
class Batch:
    """Tokenised sequences in packed form.

    ids, positions [1, T]; ``predictors`` [N] packed positions whose next token is an answer's,
    ``labels`` [N] those tokens, ``row`` [N] the sequence that each belongs to (0..rows-1).
    ``rows_total``, ``tokens_total`` (of answers) and ``inputs_total`` (packed tokens) count the
    whole optimizer step when this is one of its micro-batches, so that a mean over the step is a
    sum over its micro-batches. ``ends`` [rows]: the last token of each sequence, which is not an
    input, if known.
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
    ends: torch.Tensor | None = None


def packing_of(lengths: Sequence[int]) -> Packing:
    """Where the tokens of sequences of these lengths belong; each sees those before it."""
    longest = max(lengths)
    size = torch.tensor(lengths)
    offset = size.cumsum(0) - size
    place = torch.arange(longest)
    real = place[None, :] < size[:, None]
    gather = torch.where(real, offset[:, None] + place[None, :], 0)
    scatter = real.view(-1).nonzero().squeeze(1)
    return Packing(gather, scatter, place.expand(len(lengths), -1), lengths=size)


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
        packing=packing_of(lengths),
        predictors=torch.tensor(predictors),
        labels=torch.tensor(labels),
        row=torch.tensor(row),
        rows=len(examples),
        index=list(range(len(examples)) if index is None else index),
        rows_total=len(examples),
        tokens_total=len(labels),
        inputs_total=sum(lengths),
        ends=torch.tensor([example.ids[-1] for example in examples]),
    )


def to_device(batch: Batch, device: torch.device | str) -> Batch:
    """Move a batch's tensors to a device; a no-op for the CPU."""
    if torch.device(device).type == "cpu":
        return batch
    packing = batch.packing
    moved = {
        name: getattr(batch, name).to(device)
        for name in ("ids", "positions", "predictors", "labels", "row")
    }
    moved["ends"] = None if batch.ends is None else batch.ends.to(device)
    values = {field.name: getattr(packing, field.name) for field in fields(packing)}
    tensors = {name: value for name, value in values.items() if isinstance(value, torch.Tensor)}
    moved["packing"] = replace(packing, **{k: value.to(device) for k, value in tensors.items()})
    return Batch(**{**batch.__dict__, **moved})
