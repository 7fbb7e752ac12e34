"""Likelihoods, training and decoding of masked-diffusion models (LLaDA, arXiv 2502.09992).

A text's answer has L tokens. With l of them masked, l uniform in 1..L and the places drawn without
replacement, (L / l) times the summed cross-entropy of the masked tokens is an unbiased estimate of

    -log p(answer | prompt) <= sum over l of (L / l) E[cross-entropy of the masked] / L,

the mean over all orders of writing the answer token by token; this bound is called the negative
log-likelihood here, as in MDU (arXiv 2605.18253). The mask itself is never predicted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from lethe.common.errors import LetheError
from lethe.model import attached, token_mixing
from lethe.model.attention import use_packing
from lethe.model.batch import Batch, to_device
from lethe.model.denoising import decoded
from lethe.model.encoder import Example
from lethe.model.forward import Answers, Forward
from lethe.model.likelihood import BUDGET, Likelihoods, by_budget
from lethe.model.masked_batch import (
    bernoulli_masks,
    exact_masks,
    examples_of,
    generator,
    lay_out,
)

# The smallest counts that a model's configuration may name.
LEAST = {"answer_tokens": 1, "draws": 2, "training_draws": 1, "denoising_steps": 1}


class EstimatedAnswers(Answers):
    """Estimated losses of answers, in place of logits: a token has one only while it is masked."""

    def __init__(self, nll: torch.Tensor, batch: Batch):
        self.nll, self.batch = nll, batch

    @property
    def logits(self) -> torch.Tensor:
        """Refused: answer tokens have no logits of their own."""
        raise LetheError("a masked-diffusion model has no next-token logits; name another method")

    def token_nll(self) -> torch.Tensor:
        """Estimate of each answer token's part in its answer's loss, [N], nats.

        L / l times the cross-entropy where it was masked, else 0; a mean over the draws.
        """
        return self.nll


@dataclass(frozen=True)
class _Draw:
    """One mask of an example (``number``), drawn ``count`` times."""

    number: int
    example: Example
    masked: np.ndarray
    count: int


@dataclass(frozen=True)
class Estimator:
    """Replaces next-token logits; attached to a model (``attached.ModelState``).

    ``mask``: the absorbing token; ``end`` ends answers, and fills the rest of the
    ``answer_tokens`` positions in which one is decoded in ``denoising_steps`` passes. ``draws``:
    those of an evaluation, whose seed is the text itself; ``training_draws``: those of a training
    step, whose seed is the step's and the row's.
    """

    mask: int
    end: int
    answer_tokens: int
    draws: int
    training_draws: int
    denoising_steps: int

    def answers(self, forward: Forward, batch: Batch) -> EstimatedAnswers:
        """Estimated losses of a batch's answers; with gradients in training mode."""
        examples, training = examples_of(batch), forward.model.training
        draws = self.training_draws if training else self.draws
        starts = np.cumsum([0, *(example.answer_tokens for example in examples)])
        nll, items = 0, []
        for number, random in enumerate(self._randoms(batch, examples, training)):
            masks = exact_masks(random, examples[number].answer_tokens, draws)
            items += [_Draw(number, examples[number], mask, 1) for mask in masks]
        batch = to_device(batch, forward.model.device)
        for some in [items] if training else _batches(items, forward.model):
            laid = self._laid_out(some)
            # The index of each masked token among the batch's answer tokens, and its weight.
            token = np.concatenate(
                [starts[draw.number] + draw.masked.nonzero()[0] for draw in some]
            )
            weight = np.concatenate(
                [[len(d.masked) / d.masked.sum() / draws] * int(d.masked.sum()) for d in some]
            )
            losses = self._losses(forward, laid)
            weighted = losses * losses.new_tensor(weight)
            place = torch.from_numpy(token).to(losses.device)
            nll = nll + weighted.new_zeros(int(starts[-1])).index_add(0, place, weighted)
        return EstimatedAnswers(nll, batch)

    def noised(self, batch: Batch, least: float) -> tuple[Batch, Batch]:
        """A batch's answers with each token masked with probability t ~ U(least, 1) (training).

        The second batch has all prompt tokens masked as well. A row may have no token masked.
        """
        examples = examples_of(batch)
        masks = [
            bernoulli_masks(random, example.answer_tokens, least)
            for example, random in zip(examples, self._randoms(batch, examples, True), strict=True)
        ]
        return (
            lay_out(examples, masks, self.mask),
            lay_out(examples, masks, self.mask, without_prompt=True),
        )

    @torch.inference_mode()
    def likelihoods(
        self, model, examples: Sequence[Example], budget: int | None = None
    ) -> Likelihoods:
        """Mean loss of an answer token of each example, and its standard error over the draws."""
        forward, rows = Forward(model), [[] for _ in examples]
        items = [item for number, e in enumerate(examples) for item in self._drawn(number, e)]
        for some in _batches(items, model, budget):
            laid = self._laid_out(some)
            losses = self._losses(forward, laid).double().cpu()
            sums = losses.new_zeros(laid.rows).index_add(0, laid.row, losses)
            for draw, total in zip(some, sums.tolist(), strict=True):
                rows[draw.number].append((total / int(draw.masked.sum()), draw.count))
        loss, error = zip(*map(_mean_and_error, rows), strict=True) if rows else ((), ())
        return Likelihoods([*loss], [0] * len(examples), [*error])

    def shown(self, examples: Sequence[Example], epoch: int) -> list[Example]:
        """The examples of a training epoch, every second one filled up with end tokens.

        So the model learns answers of a known length, as likelihoods need, and where an answer ends
        within ``answer_tokens`` positions, as decoding needs. The other rows are filled up in the
        next epoch.
        """
        return [
            self._filled(example) if (number + epoch) % 2 else example
            for number, example in enumerate(examples)
        ]

    def decoded(
        self, model, prompts: Sequence[Sequence[int]], limits: Sequence[int], end: int
    ) -> list[list[int]]:
        """Answers by greedy denoising, up to their first ``end``.

        ``limits``: tokens of prompt and answer together.
        """
        rooms = [
            max(0, min(self.answer_tokens, limit - len(prompt)))
            for prompt, limit in zip(prompts, limits, strict=True)
        ]
        answers = decoded(model, prompts, rooms, self.mask, self.denoising_steps)
        return [answer[: answer.index(end)] if end in answer else answer for answer in answers]

    def _filled(self, example: Example) -> Example:
        room = self.answer_tokens - example.answer_tokens
        # A text that was cut has no end.
        if room <= 0 or example.ids[-1] != self.end:
            return example
        return Example((*example.ids, *[self.end] * room), example.start)

    def _randoms(
        self, batch: Batch, examples: Sequence[Example], training: bool
    ) -> Iterator[np.random.Generator]:
        """The generator of each row, independent of how a step is cut into parts."""
        for example, index in zip(examples, batch.index, strict=True):
            # The loop seeds torch by the number of the step.
            step = (torch.initial_seed(), index) if training else ()
            yield generator(*step, *example.ids)

    def _drawn(self, number: int, example: Example) -> list[_Draw]:
        """The masks of an evaluation; equal ones are computed once."""
        masks = exact_masks(generator(*example.ids), example.answer_tokens, self.draws)
        distinct, counts = np.unique(masks, axis=0, return_counts=True)
        pairs = zip(distinct, counts.tolist(), strict=True)
        return [_Draw(number, example, mask, count) for mask, count in pairs]

    def _laid_out(self, some: Sequence[_Draw]) -> Batch:
        return lay_out([draw.example for draw in some], [d.masked for d in some], self.mask)

    def _losses(self, forward: Forward, laid: Batch) -> torch.Tensor:
        """Cross-entropy of each masked token, [M], nats."""
        labels = laid.labels.to(forward.model.device)
        return cross_entropy(forward.masked_logits(laid), labels, reduction="none")


def _batches(items: Sequence[_Draw], model, budget: int | None = None) -> Iterator[list[_Draw]]:
    return by_budget(items, budget or BUDGET[model.device.type], lambda draw: len(draw.example))


def _mean_and_error(values: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Mean of values with their counts, and its standard error (0 for a single draw)."""
    value, count = np.array(values, dtype=float).T
    draws = count.sum()
    mean = float((value * count).sum() / draws)
    spread = float((count * (value - mean) ** 2).sum())
    return mean, (spread / max(draws - 1, 1) / draws) ** 0.5


def _check(config) -> None:
    """LetheError for a count with which a number would mean nothing, and for a mask that is none.

    A single draw has no error, and without a step an answer stays masked.
    """
    for key, least in LEAST.items():
        value = getattr(config, key)
        if type(value) is not int or value < least:
            raise LetheError(f"config.json: {key}: {value!r}; use a whole number from {least} on")
    mask, most = config.mask_token_id, config.vocab_size
    if type(mask) is not int or not 0 <= mask < most or mask == config.eos_token_id:
        raise LetheError(
            f"config.json: mask_token_id: {mask!r} is no token of its own among {most}; get the "
            "model again"
        )


def fit(model, attention: str) -> None:
    """Let a masked-diffusion model run packed batches, and attach its estimator; in place.

    LetheError if its configuration says no such estimator.
    """
    config = model.config
    _check(config)
    use_packing(model, attention)
    attached.update_model(
        model,
        mixing=token_mixing.FASTEST,
        estimator=Estimator(
            config.mask_token_id,
            config.eos_token_id,
            config.answer_tokens,
            config.draws,
            config.training_draws,
            config.denoising_steps,
        ),
    )
