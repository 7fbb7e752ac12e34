"""Runs batches as plain rows, for models whose tokens cannot share one packed row.

A packed batch, a tree of answers or a padded batch is unfolded into its sequences, each in a row of
its own that begins at position 0. The outputs are folded back, so that callers always see packed
tokens. Rows are padded on the right, or rows of equal length run together without padding.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.nn.functional import pad

from lethe.model.attached import PLAIN_PASS
from lethe.model.batch import Batch
from lethe.model.token_mixing import ALONE

# Runs rows: ids [B, L] and their mask [B, L], None without padding -> [B, L, D].
Call = Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor]


@dataclass
class Pass:
    """Rows of a batch that run together.

    ``ids`` [B, L]; ``mask`` [B, L]: 0 at padding, None without padding; ``gather`` [B, L]: the
    packed token at each place; ``real`` [B, L]: whether there is one; ``tokens`` [N]: the packed
    tokens whose values come from this pass; ``places`` [N]: their places in the flattened rows.
    """

    batch: Batch
    ids: torch.Tensor
    mask: torch.Tensor | None
    gather: torch.Tensor
    real: torch.Tensor
    tokens: torch.Tensor
    places: torch.Tensor

    def spread(self, packed: torch.Tensor) -> torch.Tensor:
        """Values of packed tokens [T, ...] at their places in the rows [B, L, ...], 0 elsewhere."""
        values = packed[self.gather]
        real = self.real.view(*self.real.shape, *[1] * (values.dim() - 2))
        return values.where(real, torch.zeros_like(values))

    def collected(self, value: torch.Tensor) -> torch.Tensor:
        """The values of ``tokens``, [N, D], among values [B, L, D] or [B * L, D]."""
        flat = value if value.shape[:2] != self.real.shape else value.flatten(0, 1)
        return flat.index_select(0, self.places)


# Values of some tokens: indices of the packed tokens (None: all, in order), and values [N, D].
Part = tuple[torch.Tensor | None, torch.Tensor]


def running() -> Pass | None:
    """The pass over plain rows that is running, for hooks; None if the batch is packed."""
    return PLAIN_PASS.get()


def at_tokens(value: torch.Tensor) -> Part:
    """A module's inputs or outputs in the pass that is running, by packed token."""
    current = running()
    if current is None:
        return None, value[0]
    return current.tokens, current.collected(value)


def joined(parts: Sequence[Part]) -> torch.Tensor:
    """The values of all packed tokens, [T, D], from the passes of one batch."""
    if parts[0][0] is None:
        return parts[0][1]
    order = torch.cat([tokens for tokens, _ in parts]).argsort()
    return torch.cat([values for _, values in parts]).index_select(0, order)


def run(batch: Batch, layout: str, call: Call, whole: bool = True) -> torch.Tensor:
    """The output of ``call`` for every packed token, [T, D]; ``whole`` as in ``passes``."""
    parts = []
    for some in passes(batch, layout, whole):
        with _announced(some):
            parts.append((some.tokens, some.collected(call(some.ids, some.mask))))
    return joined(parts)


@contextmanager
def _announced(rows: Pass) -> Iterator[None]:
    """Within the block ``running`` returns this pass."""
    before = PLAIN_PASS.set(rows)
    try:
        yield
    finally:
        PLAIN_PASS.reset(before)


def passes(batch: Batch, layout: str, whole: bool = True) -> list[Pass]:
    """The passes that a batch takes; every packed token belongs to one of them.

    ``whole``: sequences that are not padded keep their last token. It predicts nothing, but some
    models' RoPE frequencies depend on the length of the whole text.
    """
    packing = batch.packing
    count, longest = packing.gather.shape
    every = torch.arange(count, device=packing.gather.device)
    if packing.mask is not None:
        # Padding is computed too, as in any padded batch: each token sees the text before it.
        return [_pass(batch, every, longest, packing.mask[:, 0, -1])]
    real = packing.place < packing.lengths[:, None]
    if layout == ALONE:
        return [
            _equal(batch, packing.lengths == length, int(length), real, whole)
            for length in packing.lengths.unique().flip(0)
        ]
    return [_pass(batch, every, longest, real)]


def _equal(batch: Batch, chosen: torch.Tensor, length: int, real, whole: bool) -> Pass:
    """The rows of one length."""
    rows = chosen.nonzero().squeeze(1)
    if not whole or batch.ends is None:
        return _pass(batch, rows, length, real)
    rows_of_length = _pass(batch, rows, length, real, more=1)
    rows_of_length.ids[:, -1] = batch.ends[rows]
    return rows_of_length


def _pass(batch: Batch, rows: torch.Tensor, length: int, real, more: int = 0) -> Pass:
    """Some rows of a batch, cut to a length, with room for some ``more`` tokens."""
    packing = batch.packing
    longest = packing.gather.shape[1]
    row, place = packing.scatter // longest, packing.scatter % longest
    new = torch.full((len(packing.gather),), -1, device=rows.device)
    new[rows] = torch.arange(len(rows), device=rows.device)
    tokens = (new[row] >= 0).nonzero().squeeze(1)
    gather, here = (pad(t[rows, :length], (0, more)) for t in (packing.gather, real))
    return Pass(
        batch,
        batch.ids[0][gather],
        None if bool(here[:, :length].all()) else here.long(),
        gather,
        here,
        tokens,
        new[row[tokens]] * (length + more) + place[tokens],
    )


def accepted(function: Callable, **given) -> dict:
    """Those of the arguments that a function accepts, which differ between model families."""
    known = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return given
    return {name: value for name, value in given.items() if name in known}


def reset(model) -> None:
    """Make RoPE whose frequencies depend on a text's length forget earlier texts.

    transformers keeps the frequencies of the longest text so far, so numbers would depend on the
    order of texts.
    """
    for module in model.modules():
        kind = getattr(module, "rope_type", None)
        for prefix, one in kind.items() if isinstance(kind, dict) else [("", kind)]:
            if isinstance(one, str) and "dynamic" in one:
                _forget_length(module, f"{prefix}_" if prefix else "")


def _forget_length(rope: torch.nn.Module, prefix: str) -> None:
    frequencies = getattr(rope, f"{prefix}original_inv_freq", None)
    if frequencies is None:
        return
    current = getattr(rope, f"{prefix}inv_freq")
    rope.register_buffer(f"{prefix}inv_freq", frequencies.to(current.device), persistent=False)
    setattr(rope, f"{prefix}max_seq_len_cached", rope.original_max_seq_len)
