"""Samples answers at a temperature and top-p; a prompt's cache is shared by all of its samples.

The randomness of a sample depends on the seed, its question and its number alone: not on what else
is in the batch, on how many samples there are, or on which process asks.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lethe.model import generation_probe, token_mixing
from lethe.model.decoding import GENERATORS, Choice
from lethe.model.generate import rows_at_a_time


@dataclass(frozen=True)
class Sampling:
    """``samples`` of each question, at a ``temperature`` > 0 and a ``top_p`` in (0, 1]."""

    samples: int
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0


@torch.inference_mode()
def sampled(
    model,
    prompts: Sequence[Sequence[int]],
    keys: Sequence[str],
    limits: Sequence[int],
    end: int,
    how: Sampling,
    batch_size: int | None = None,
) -> list[list[list[int]]]:
    """``how.samples`` answers (token ids, without the end token) of each prompt.

    ``keys``: what each prompt's randomness depends on, such as its question. ``limits``: tokens of
    prompt and answer at which a sample ends. ``batch_size``: samples at a time; None: as many as is
    fastest. A prompt with more samples than that is computed once for each batch of them.
    """
    if not prompts:
        return []
    longest = max(limits)
    token_mixing.check_lengths(model, limits, "a question with its answer")
    generate = GENERATORS[generation_probe.fitted(model).generation_of(longest)]
    rows = batch_size or rows_at_a_time(model, longest)
    copies = min(how.samples, rows)
    answers: list[list[list[int]]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    together = max(1, rows // copies)
    for start in range(0, len(order), together):
        chosen = order[start : start + together]
        for first in range(0, how.samples, copies):
            numbers = range(first, min(first + copies, how.samples))
            draws = [(keys[i], number) for i in chosen for number in numbers]
            generated = generate(
                [prompts[i] for i in chosen],
                model,
                torch.tensor([limits[i] for i in chosen]),
                end,
                _choice(draws, longest, how),
                len(numbers),
            )
            for place, i in enumerate(chosen):
                answers[i] += generated[place * len(numbers) : (place + 1) * len(numbers)]
    return answers


def _choice(draws: Sequence[tuple[str, int]], longest: int, how: Sampling) -> Choice:
    """Chooses each row's next token by its own stream of uniform numbers; ``draws`` by row."""
    uniform = np.stack([stream(how.seed, key, number, longest) for key, number in draws])
    step = np.zeros(len(draws), dtype=int)

    def choose(logits: torch.Tensor, rows: list[int]) -> torch.Tensor:
        at = torch.from_numpy(uniform[rows, step[rows]]).to(logits.device)
        step[rows] += 1
        return drawn(logits, at, how.temperature, how.top_p)

    return choose


def stream(seed: int, key: str, number: int, count: int) -> np.ndarray:
    """The first ``count`` uniform numbers in [0, 1) of sample ``number`` of a question."""
    text = f"{seed}\n{number}\n{key}".encode()
    return np.random.default_rng(list(hashlib.sha256(text).digest())).random(count)


def drawn(
    logits: torch.Tensor, uniform: torch.Tensor, temperature: float, top_p: float
) -> torch.Tensor:
    """The tokens [B] where uniform numbers [B] meet the cumulative probabilities of logits [B, V].

    Probabilities are softmax(logits / temperature). Only the likeliest are kept whose sum reaches
    ``top_p``, at least one (nucleus sampling, Holtzman et al. 2020). Sums are in double precision,
    and a token without probability is never chosen.
    """
    shares, tokens = (logits.double() / temperature).softmax(-1), None
    # Sorting takes most of the time, and only a nucleus needs it.
    if top_p < 1:
        shares, tokens = shares.sort(dim=-1, descending=True, stable=True)
        shares = shares.masked_fill(shares.cumsum(-1) - shares >= top_p, 0)
    sums = shares.cumsum(-1)
    total = sums[:, -1:]
    # A uniform number below 1 can reach the sum by rounding.
    most = torch.nextafter(total, torch.zeros_like(total))
    place = torch.searchsorted(sums, torch.minimum(uniform[:, None] * total, most), right=True)
    return (place if tokens is None else tokens.gather(-1, place)).squeeze(-1)
