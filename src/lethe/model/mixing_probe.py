"""Finds out how a model's tokens may be laid out (``token_mixing``), by trying it on a small copy.

A layout is right if every logit is that of the sequence alone in plain transformers, and if it
stays as it is when a later token changes, or a token of another sequence.
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

# Of the logits' spread: what rounding may do to sums in another order, and in the same.
CLOSE, SAME = 1e-3, 1e-4
# Times as much in 16 bits, which FlashAttention alone asks for. A wrong token moves logits by their
# spread.
COARSE = 200.0
# Tokens that no family takes for special ones.
TOKENS = range(8, 120)


@dataclass
class Trial:
    """Texts that are tried, and what plain transformers gives for each alone.

    ``plain`` is the copy as transformers runs it; ``examples`` hold answers to shared prompts;
    ``coarse``: how many times the usual rounding is allowed.
    """

    plain: torch.nn.Module
    examples: list[Example]
    coarse: float = 1.0

    @cached_property
    def wanted(self) -> list[torch.Tensor]:
        """Logits at the answer's tokens of each example alone."""
        return [alone(self.plain, e.ids)[e.start - 1 : -1] for e in self.examples]

    @cached_property
    def spread(self) -> float:
        return float(torch.cat(self.wanted).std())

    def near(self, logits: torch.Tensor, wanted: torch.Tensor, limit: float = CLOSE) -> bool:
        """Whether logits are the same to rounding; NaN is near nothing."""
        apart = (logits.float() - wanted.float()).abs().max()
        return bool((apart <= limit * self.coarse * self.spread).item())

    def layout(self, model) -> bool:
        """Whether a model's batches are right in the layout that it is told."""
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
        """Whether other tokens' logits stay when those of ``changed`` [T] become others."""
        ids = torch.where(changed, batch.ids + 1, batch.ids)
        moved = forward.all_logits(replace(batch, ids=ids))
        return self.near(moved[~changed], logits[~changed], SAME)

    def causal(self) -> bool:
        """Whether plain logits stay when the last token becomes another."""
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
    """Which packed tokens are of the sequences that share the first one's beginning, [T]."""
    positions = batch.positions[0]
    begins = (
        (positions == 0) & (torch.arange(len(positions), device=positions.device) > 0)
    ).nonzero()
    until = int(begins[0]) if len(begins) else len(positions)
    return torch.arange(len(positions), device=positions.device) < until


def texts(*sizes: tuple[int, Sequence[int]]) -> list[Example]:
    """Examples by the length of a prompt and of each of its answers; answers part early."""
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
    """Whether a check holds; what raises does not hold."""
    attached.update_model(model, mixing=mixed)
    try:
        return check(model)
    except Exception:
        return False


def first_layout(
    model, trial: Trial, layouts: Iterable[str], heads: Iterable[str]
) -> Mixing | None:
    """The first layout, and the first way to logits, that are right on a trial's texts."""
    for layout in layouts:
        for head in heads:
            mixed = Mixing(layout=layout, head=head)
            if tried(model, mixed, trial.layout):
                return mixed
    return None


def best_mixing(model, plain, layouts: Sequence[str], named: Sequence[int]) -> Mixing | None:
    """Which layout is right for ``model``, measured by ``plain``: None where none is.

    ``layouts`` are those to be tried, of ``lethe.model.token_mixing``; ``named``: the lengths that
    the configuration names. How texts are generated is found out when the first one is
    (``lethe.model.generation_probe``): training does not depend on it.
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
    """The longest text that no length which a configuration names makes another.

    Of a text as it is; a packed one lacks its last token.
    """
    return min(named, default=1) - 1


def coarse(model) -> float:
    """How much coarser than float32's a model's numbers are."""
    return 1.0 if model.dtype == torch.float32 else COARSE


def _from(layout: str) -> Sequence[str]:
    return token_mixing.LAYOUTS[token_mixing.LAYOUTS.index(layout) :]


def twin(model):
    """A copy with the same weights that shares nothing."""
    return copy.deepcopy(model)
