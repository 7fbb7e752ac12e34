"""Questions beside those that methods are given: the true answer's loss, and a greedy answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites import answers
from lethe.model.encoder import Encoder, Example
from lethe.model.likelihood import mean_losses

SETS = {"forget": "forget_questions", "retain": "retain_questions"}
FAMILIES = ("causal", "masked_diffusion")
COLUMNS = ("generation", "answer_loss", "answer_tokens")
PROBE = True


@dataclass(frozen=True)
class Prepared:
    """What is to be answered, and the true answers by set, tokenised."""

    asked: answers.Prepared
    examples: dict[str, list[Example]]


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every question, alone and with its answer."""
    pairs = {
        name: [(row["question"], row["answer"]) for row in some] for name, some in rows.items()
    }
    examples = {name: encoder.encode_all(some) for name, some in pairs.items()}
    return Prepared(answers.prepare(encoder, rows), examples)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The answers of one model, and the losses of the true ones."""
    return {
        name: replace(
            items,
            answer_loss=np.array(mean_losses(model, prepared.examples[name], limits.token_budget)),
            answer_tokens=np.array([one.answer_tokens for one in prepared.examples[name]]),
        )
        for name, items in answers.record(model, prepared.asked, limits).items()
    }
