"""Integrated gradients over input embeddings: which tokens of a prompt an output rests on.

The embeddings of a prompt's tokens move on a straight line from a baseline b to their values e, and
the gradients of the output along the line are averaged (Sundararajan et al. 2017, arXiv
1703.01365):

    a_t = sum over d of (e_td - b_d) * mean over s of dF/dx_td at x = b + alpha_s (e - b)

with alpha_s the midpoints of equal steps. The sum over all tokens approaches F(prompt) -
F(baseline) as steps grow (completeness). The baseline ``zero`` is usual, but models normalise the
inputs of every layer, so the output jumps right beside zero, before the first step; ``mean``, the
mean embedding of the vocabulary, has no such jump. A hook on the embedding layer replaces
embeddings, so any causal LM is attributed in its own layout of batches; positions do not change.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from lethe.model import plain_rows
from lethe.model.batch import pack, to_device
from lethe.model.encoder import Example
from lethe.model.forward import hidden_states, project
from lethe.model.likelihood import BUDGET

BASELINES = ("zero", "mean")
# Embeddings of the vocabulary that are averaged at a time.
CHUNK = 4096


@dataclass(frozen=True)
class Attribution:
    """``tokens`` [prompt tokens]: what each contributes to the output, in logits.

    ``difference``: the output at the prompt minus that at the baseline, which their sum approaches.
    """

    tokens: np.ndarray
    difference: float


@dataclass(frozen=True)
class _Row:
    """A text with its prompt at ``alpha`` of the path; ``end``: at one of its ends."""

    item: int
    alpha: float
    end: bool = False


def integrated_gradients(
    model,
    examples: Sequence[Example],
    steps: int,
    baseline: str = "zero",
    budget: int | None = None,
) -> list[Attribution]:
    """The attribution of the logit of each example's last token to the tokens of its prompt.

    ``baseline``: one of ``BASELINES``; ``budget``: tokens of a batch, None: by the device. Passes
    over ``steps`` + 2 copies of a text.
    """
    begin = mean_embedding(model) if baseline == "mean" else None
    sums = [np.zeros(example.start) for example in examples]
    differences = [0.0] * len(examples)
    for rows in _batches(examples, steps, budget or BUDGET[model.device.type]):
        outputs, parts = _attributed(model, examples, rows, begin)
        for row, output, values in zip(rows, outputs, parts, strict=True):
            if row.end:
                differences[row.item] += output if row.alpha else -output
            else:
                sums[row.item] += values[: examples[row.item].start] / steps
    return [Attribution(*pair) for pair in zip(sums, differences, strict=True)]


def _path(item: int, steps: int) -> list[_Row]:
    """The points at which a text is evaluated: those of the integral, and both ends."""
    middles = [_Row(item, (step + 0.5) / steps) for step in range(steps)]
    return [*middles, _Row(item, 0.0, True), _Row(item, 1.0, True)]


def _batches(examples: Sequence[Example], steps: int, budget: int) -> Iterator[list[_Row]]:
    """All rows of all examples, those of one example together, within the budget of tokens."""
    batch: list[_Row] = []
    tokens = 0
    for item, example in enumerate(examples):
        for row in _path(item, steps):
            if batch and tokens + len(example) > budget:
                yield batch
                batch, tokens = [], 0
            batch.append(row)
            tokens += len(example)
    if batch:
        yield batch


@torch.no_grad()
def mean_embedding(model) -> torch.Tensor:
    """The mean, over the vocabulary, of the output of a model's embedding layer, [D]."""
    layer = model.get_input_embeddings()
    ids = torch.arange(layer.weight.shape[0], device=model.device)
    sums = [layer(some).double().sum(0) for some in ids.split(CHUNK)]
    return (torch.stack(sums).sum(0) / len(ids)).to(layer.weight.dtype)


@torch.enable_grad()
def _attributed(model, examples: Sequence[Example], rows: list[_Row], begin):
    """The output of each row, and at each of its tokens gradient times (embedding - baseline)."""
    texts = [examples[row.item] for row in rows]
    batch = to_device(pack(texts), model.device)
    with _replaced(model, _scales(texts, rows, model.device), begin) as leaves:
        states = hidden_states(model, batch)
    # The last token that is predicted is an example's last.
    last = torch.tensor([example.answer_tokens for example in texts]).cumsum(0) - 1
    last = last.to(model.device)
    logits = project(model, states[batch.predictors[last]]).float()
    outputs = logits.gather(-1, batch.labels[last][:, None]).squeeze(-1)
    values = _by_token(outputs.sum(), leaves)
    lengths = [len(example) - 1 for example in texts]
    return outputs.tolist(), np.split(values, np.cumsum(lengths)[:-1])


def _scales(texts: Sequence[Example], rows: Sequence[_Row], device) -> torch.Tensor:
    """How far along the path each packed token is, [T]; tokens after prompts are at its end."""
    scales: list[float] = []
    for example, row in zip(texts, rows, strict=True):
        scales += [row.alpha] * example.start + [1.0] * (len(example) - 1 - example.start)
    return torch.tensor(scales, device=device)


@dataclass
class _Leaf:
    """Embeddings of a pass on the path, the whole path, and, if rows are plain, the pass."""

    embeddings: torch.Tensor
    path: torch.Tensor
    rows: plain_rows.Pass | None


@contextmanager
def _replaced(model, scales: torch.Tensor, begin) -> Iterator[list[_Leaf]]:
    """Within the block a model's embedding layer returns points on the path, which are noted."""
    leaves: list[_Leaf] = []

    def replace(module, inputs, output):
        rows, end = plain_rows.running(), output.detach()
        left = 1 - (scales[None] if rows is None else scales[rows.gather])
        path = end if begin is None else end - begin
        embeddings = (end - left[..., None].to(end.dtype) * path).requires_grad_()
        leaves.append(_Leaf(embeddings, path, rows))
        return embeddings

    hook = model.get_input_embeddings().register_forward_hook(replace)
    try:
        yield leaves
    finally:
        hook.remove()


def _by_token(output: torch.Tensor, leaves: list[_Leaf]) -> np.ndarray:
    """Gradient of the output times the path, summed over dimensions, at each packed token [T]."""
    gradients = torch.autograd.grad(output, [leaf.embeddings for leaf in leaves])
    parts: list[plain_rows.Part] = []
    for leaf, gradient in zip(leaves, gradients, strict=True):
        product = gradient.double() * leaf.path.double()
        if leaf.rows is None:
            parts.append((None, product[0]))
        else:
            parts.append((leaf.rows.tokens, leaf.rows.collected(product)))
    return plain_rows.joined(parts).sum(-1).cpu().numpy()
