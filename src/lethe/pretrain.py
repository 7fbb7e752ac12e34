"""Making a base model from nothing: it learns the language and the true facts, no target author."""

from collections.abc import Sequence
from typing import Any

from lethe.execution import Execution
from lethe.loop import Report
from lethe.schedule import Pretraining
from lethe.text import Encoder, rows_to_pairs
from lethe.tiny import Architecture, make_model, train_tokenizer
from lethe.train import fit


def pretrain(
    background: Sequence[dict],
    facts: Sequence[dict],
    architecture: dict[str, int],
    settings: dict[str, Any],
    template: str,
    max_length: int,
    report: Report,
    how: Execution | None = None,
):
    """Train tokenizer and model on background authors and true facts (rows: question, answer).

    Every fact occurs ``fact_repeats`` times an epoch: there are few, and utility is measured on
    them. Returns (model, tokenizer, counts).
    """
    chosen = Pretraining(**settings)
    pairs = rows_to_pairs(background) + rows_to_pairs(facts) * chosen.fact_repeats
    sizes = Architecture(**architecture)
    tokenizer = train_tokenizer((f"{q} {a}" for q, a in pairs), sizes.vocabulary)
    model = make_model(sizes, tokenizer, chosen.seed)
    examples = Encoder(tokenizer, template, max_length).encode_all(pairs)
    counts = fit(model, examples, chosen, chosen.seed, report, how)
    return model, tokenizer, counts
