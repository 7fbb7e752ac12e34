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
    later: Sequence[dict[str, Any]] = (),
):
    """Train a tokenizer and a model on background authors and true facts (question, answer).

    Every fact occurs ``fact_repeats`` times an epoch: there are few, and utility is measured on
    them. ``keep(percent, model, tokenizer)`` is called after each of these shares of the steps.
    ``start``: a checkpoint whose model and tokenizer are trained further instead. ``later``:
    settings of stages that follow in turn, each on the rows with its number as ``stage``, from 1;
    ``percents`` are of the first. Returns (model, tokenizer, counts).
    """
    chosen = Pretraining(**settings)
    pairs = training_pairs(of_stage(background, 0), facts, chosen.fact_repeats)
    if start is None:
        model, tokenizer = _made(architecture, pairs, chosen.seed)
        model = model.to(device)
    else:
        model, tokenizer = checkpoint.load(start, device)
    encoder = Encoder(tokenizer, template, max_length)
    examples = encoder.encode_all(pairs)

    def after_step(step: int, steps: int, loss: float) -> None:
        report(step, steps, loss)
        for percent in percents:
            if percent and step == max(1, round(steps * percent / 100)):
                keep(percent, model, tokenizer)

    if 0 in percents:
        keep(0, model, tokenizer)
    counts = fit(model, examples, chosen, chosen.seed, after_step, how)
    for number, own in enumerate(later, 1):
        then = Pretraining(**own)
        pairs = training_pairs(of_stage(background, number), facts, then.fact_repeats)
        whole = _Continued(report, int(counts["steps"]))
        named = how.named(f"stage {number}") if how else None
        more = fit(model, encoder.encode_all(pairs), then, then.seed, whole, named)
        counts = {**more, **{key: counts[key] + more[key] for key in ("steps", "rows", "tokens")}}
    return model, tokenizer, counts


def of_stage(rows: Sequence[dict], number: int) -> list[dict]:
    """The rows that a stage learns; those without a ``stage`` belong to the first, 0."""
    return [row for row in rows if row.get("stage", 0) == number]


class _Continued:
    """Reports the steps of a later stage after those of the stages before it."""

    def __init__(self, report: Report, before: int):
        self.report, self.before = report, before

    def __call__(self, step: int, steps: int, loss: float) -> None:
        self.report(self.before + step, self.before + steps, loss)


def _made(architecture: dict[str, Any], pairs: Sequence[tuple[str, str]], seed: int):
    """Random weights of an architecture, and its tokenizer: trained on the pairs, or given."""
    made, sizes = architectures.load(architecture), architectures.sizes(architecture)
    tokenizer = architectures.given_tokenizer(made, sizes)
    if tokenizer is None:
        tokenizer = made.train_tokenizer((f"{q} {a}" for q, a in pairs), sizes.vocabulary)
    return made.make_model(sizes, tokenizer, seed), tokenizer
