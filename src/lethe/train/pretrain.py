"""Pretraining a base model: it learns the language and the true facts, but no target author."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lethe.model import architecture as architectures
from lethe.model import checkpoint
from lethe.model.encoder import Encoder
from lethe.train.execution import Execution
from lethe.train.finetune import fit, training_pairs
from lethe.train.loop import Report
from lethe.train.settings import Pretraining


def pretrain(
    background: Sequence[dict],
    facts: Sequence[dict],
    architecture: dict[str, Any],
    settings: dict[str, Any],
    template: str,
    max_length: int,
    report: Report,
    how: Execution | None = None,
    device: str = "cpu",
    percents: Sequence[int] = (),
    keep: Callable[[int, Any, Any], None] | None = None,
    start: str | Path | None = None,
):
    """Train a tokenizer and a model on background authors and true facts (question, answer).

    Every fact occurs ``fact_repeats`` times an epoch: there are few, and utility is measured on
    them. ``keep(percent, model, tokenizer)`` is called after each of these shares of the steps.
    ``start``: a checkpoint whose model and tokenizer are trained further instead.
    Returns (model, tokenizer, counts).
    """
    chosen = Pretraining(**settings)
    pairs = training_pairs(background, facts, chosen.fact_repeats)
    if start is None:
        model, tokenizer = _made(architecture, pairs, chosen.seed)
        model = model.to(device)
    else:
        model, tokenizer = checkpoint.load(start, device)
    examples = Encoder(tokenizer, template, max_length).encode_all(pairs)

    def after_step(step: int, steps: int, loss: float) -> None:
        report(step, steps, loss)
        for percent in percents:
            if percent and step == max(1, round(steps * percent / 100)):
                keep(percent, model, tokenizer)

    if 0 in percents:
        keep(0, model, tokenizer)
    counts = fit(model, examples, chosen, chosen.seed, after_step, how)
    return model, tokenizer, counts


def _made(architecture: dict[str, Any], pairs: Sequence[tuple[str, str]], seed: int):
    """Random weights of an architecture, and its tokenizer: trained on the pairs, or given."""
    made, sizes = architectures.load(architecture), architectures.sizes(architecture)
    tokenizer = architectures.given_tokenizer(made, sizes)
    if tokenizer is None:
        tokenizer = made.train_tokenizer((f"{q} {a}" for q, a in pairs), sizes.vocabulary)
    return made.make_model(sizes, tokenizer, seed), tokenizer
