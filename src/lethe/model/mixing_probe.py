"""Finds out how a model's tokens may be laid out (``token_mixing``), by trying it on a small copy.

A layout is right if every logit equals that of the sequence alone in plain transformers, and does
not change if a later token or a token of another sequence is replaced.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from lethe.model import attached, token_mixing
from lethe.model.answer_trees import pack_trees, trees
from lethe.model.batch import Batch, pack, to_device
from lethe.model.encoder import Example
from lethe.model.forward import Forward
from lethe.model.plain_rows import accepted, reset
from lethe.model.token_mixing import Mixing

# Allowed differences, as shares of the logits' spread: if sums are computed in another order, and
# in the same order.
CLOSE, SAME = 1e-3, 1e-4
# Factor on both in 16 bits, which only FlashAttention needs. A wrong token changes logits by about
# their spread.
COARSE = 200.0
# Tokens that are special in no family.
TOKENS = range(8, 120)


@dataclass
class Trial:
    """Texts to try, and the logits of plain transformers for each of them alone.

    ``plain`` is the copy as transformers runs it; several of the ``examples`` share a prompt;
    ``coarse``: factor on the allowed rounding differences.
    """

    plain: torch.nn.Module
    examples: list[Example]
    coarse: float = 1.0

    @cached_property
    def wanted(self) -> list[torch.Tensor]:
        """Logits at the answer's tokens of each example, computed alone."""
        return [alone(self.plain, e.ids)[e.start - 1 : -1] for e in self.examples]

    @cached_property
    def spread(self) -> float:
        return float(torch.cat(self.wanted).std())

    def near(self, logits: torch.Tensor, wanted: torch.Tensor, limit: float = CLOSE) -> bool:
        """Whether logits are equal up to rounding; NaN is never near anything."""
        apart = (logits.float() - wanted.float()).abs().max()
        return bool((apart <= limit * self.coarse * self.spread).item())

    def layout(self, model) -> bool:
        """Whether a model gives the right logits in the layout that is set for it."""
        return all(self._batch(model, batch) for batch in self._batches(token_mixing.of(model)))

    def _batches(self, mixed: Mixing) -> Iterable[Batch]:
        yield pack(self.examples)
        if mixed.layout == token_mixing.PACKED:
            yield pack_trees(trees(self.examples))

    def _batch(self, model, batch: Batch) -> bool:
        forward, batch = Forward(model), to_device(batch, model.device)
        logits = forward.all_logits(batch)
        wanted = torch.cat([self.wanted[key] for key in batch.index])
        if not self.near(logits[batch.predictors], wanted):
            return False
        changes = (_last_tokens(batch), _first_rows(batch))
        return all(self._unmoved(forward, batch, logits, changed) for changed in changes)

    def _unmoved(self, forward, batch: Batch, logits, changed: torch.Tensor) -> bool:
        """Whether replacing the tokens ``changed`` [T] leaves the logits of all others the same."""
        ids = torch.where(changed, batch.ids + 1, batch.ids)
        moved = forward.all_logits(replace(batch, ids=ids))
        return self.near(moved[~changed], logits[~changed], SAME)

    def causal(self) -> bool:
        """Whether replacing the last token leaves all earlier plain logits unchanged."""
        ids = max(self.examples, key=len).ids
        other = (*ids[:-1], ids[-1] + 1)
        logits, moved = (alone(self.plain, some)[:-1] for some in (ids, other))
        return self.near(logits, moved, SAME)


@torch.no_grad()
def alone(model, ids: Sequence[int]) -> torch.Tensor:
    """Logits at every token of one sequence, by the model's own forward pass, [L, V]."""
    reset(model)
    given = accepted(model.forward, use_cache=False)
    return model(input_ids=torch.tensor([ids], device=model.device), **given).logits[0].float()


def _last_tokens(batch: Batch) -> torch.Tensor:
    """Which packed tokens end a sequence, [T]."""
    packing = batch.packing
    ends = packing.gather.gather(1, packing.lengths[:, None] - 1)
    return torch.zeros_like(batch.ids[0], dtype=torch.bool).index_fill(0, ends.flatten(), True)


def _first_rows(batch: Batch) -> torch.Tensor:
    """Which packed tokens belong to the first prompt and the sequences that share it, [T]."""
    positions = batch.positions[0]
    begins = (
        (positions == 0) & (torch.arange(len(positions), device=positions.device) > 0)
    ).nonzero()
    until = int(begins[0]) if len(begins) else len(positions)
    return torch.arange(len(positions), device=positions.device) < until


def texts(*sizes: tuple[int, Sequence[int]]) -> list[Example]:
    """Examples of given lengths: of a prompt and of each of its answers, which soon differ."""
    draw = torch.Generator().manual_seed(0)

    def some(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(TOKENS.start, TOKENS.stop, (count,), generator=draw).tolist())

    examples = []
    for prompt, answers in sizes:
        begin, shared = some(prompt), some(1)
        examples += [
            Example((*begin, *shared, TOKENS.start + 2 * n, *some(count - 2)), prompt)
            for n, count in enumerate(answers)
        ]
    return examples


SHORT = texts((4, (5, 7, 4)), (2, (4,)), (6, (6, 8)))
LONG = texts((12, (8, 6)), (3, (6,)), (22, (5, 3)))
EXAMPLES = {"short": SHORT, "long": LONG}


@torch.no_grad()
def tried(model, mixed: Mixing, check) -> bool:
    """Whether a check passes with a layout; one that raises an error does not."""
    attached.update_model(model, mixing=mixed)
    try:
        return check(model)
    except Exception:
        return False


def first_layout(
    model, trial: Trial, layouts: Iterable[str], heads: Iterable[str]
) -> Mixing | None:
    """The first layout and the first way of computing logits that are right on a trial's texts."""
    for layout in layouts:
        for head in heads:
            mixed = Mixing(layout=layout, head=head)
            if tried(model, mixed, trial.layout):
                return mixed
    return None


def best_mixing(model, plain, layouts: Sequence[str], named: Sequence[int]) -> Mixing | None:
    """The fastest layout that is right for ``model``, compared with ``plain``; None if none is.

    ``layouts`` are those of ``lethe.model.token_mixing`` to try; ``named``: the lengths that the
    configuration names. How texts are generated is probed at the first generation
    (``lethe.model.generation_probe``), since training does not depend on it.
    """
    first = first_layout(model, Trial(plain, SHORT, coarse(model)), layouts, token_mixing.HEADS)
    if first is None:
        return None
    long = Trial(plain, LONG, coarse(model))
    later = first_layout(model, long, _from(first.layout), [first.head])
    if later is None:
        return None
    return replace(
        first,
        generation=None,
        beyond_generation=None,
        beyond_layout=later.layout,
        until=None if later.layout == first.layout else until(named),
    )


def until(named: Sequence[int]) -> int:
    """The longest text, in tokens, that stays below every length that a configuration names.

    This counts the last token, which a packed text lacks.
    """
    return min(named, default=1) - 1


def coarse(model) -> float:
    """The factor on allowed rounding differences for a model's dtype."""
    return 1.0 if model.dtype == torch.float32 else COARSE


def _from(layout: str) -> Sequence[str]:
    return token_mixing.LAYOUTS[token_mixing.LAYOUTS.index(layout) :]


def twin(model):
    """A deep copy: the same weights, but nothing shared."""
    return copy.deepcopy(model)
