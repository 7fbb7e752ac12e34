"""Decoding of masked-diffusion models: an answer begins as masks, of which each pass fixes some."""

from collections.abc import Sequence

import numpy as np
import torch

from lethe.model.encoder import Example
from lethe.model.forward import Forward
from lethe.model.likelihood import BUDGET, by_budget
from lethe.model.masked_batch import lay_out


@torch.inference_mode()
def decoded(
    model, prompts: Sequence[Sequence[int]], rooms: Sequence[int], mask: int, steps: int
) -> list[list[int]]:
    """All tokens of each prompt's answer, ``rooms`` of them, by greedy denoising.

    Each of ``steps`` passes fixes an equal share of the masked tokens, those whose likeliest token
    is the likeliest (low-confidence remasking, LLaDA, arXiv 2502.09992). Nothing is drawn.
    """
    pairs = list(zip(prompts, rooms, strict=True))
    texts = [np.array([*prompt, *[mask] * room]) for prompt, room in pairs]
    wanted = [number for number, room in enumerate(rooms) if room]
    for some in by_budget(wanted, BUDGET[model.device.type], lambda number: len(texts[number])):
        starts = [len(prompts[number]) for number in some]
        _denoise(Forward(model), [texts[number] for number in some], starts, mask, steps)
    return [text[len(prompt) :].tolist() for text, (prompt, _) in zip(texts, pairs, strict=True)]


def _denoise(
    forward: Forward, texts: Sequence[np.ndarray], starts: Sequence[int], mask: int, steps: int
) -> None:
    """Fill in texts from their ``starts`` on, in place."""
    masked = [np.ones(len(t) - start, bool) for t, start in zip(texts, starts, strict=True)]
    for left in range(steps, 0, -1):
        rows = [row for row, places in enumerate(masked) if places.any()]
        if not rows:
            return
        examples = [Example(tuple(texts[row].tolist()), starts[row]) for row in rows]
        laid = lay_out(examples, [masked[row] for row in rows], mask)
        values = forward.masked_logits(laid).softmax(-1).max(-1)
        borders = np.cumsum([masked[row].sum() for row in rows])[:-1]
        sure, token = (np.split(value.cpu().numpy(), borders) for value in values)
        for row, *best in zip(rows, sure, token, strict=True):
            _fix(texts[row][starts[row] :], masked[row], *best, left)


def _fix(
    answer: np.ndarray, masked: np.ndarray, sure: np.ndarray, token: np.ndarray, left: int
) -> None:
    """Fix the surest masked tokens, in place: so many that ``left`` such passes fix all."""
    places = masked.nonzero()[0]
    best = np.argsort(-sure, kind="stable")[: -(-len(places) // left)]
    answer[places[best]] = token[best]
    masked[places[best]] = False
