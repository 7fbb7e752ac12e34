"""Phrasings: how likely the true answer is after the question, after its paraphrase, and after the
question as the model before unlearning read it.

The third takes that model's keys and values at the question's tokens (its prompt cache); the answer
is computed by the model that is asked. An answer that comes back this way was never lost: only the
question is read differently (LIRA's mechanism, arXiv 2604.10403).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from lethe.common.errors import LetheError
from lethe.evaluate.records import ItemSet, nested
from lethe.evaluate.suite import Limits, Reference, places, text_of
from lethe.model import prompt_cache
from lethe.model.batch import pack, to_device
from lethe.model.encoder import Encoder, Example
from lethe.model.forward import Forward
from lethe.model.likelihood import BUDGET, by_budget, mean_losses
from lethe.model.patching import check_alike

SETS = {"forget": "forget_perturbed"}
COLUMNS = ("prompt", "prompt_loss")
PROBE = True
REFERENCE = "full"
SAME_PROMPTS = True
# The prompts of every item, in order.
PROMPTS = PLAIN, PARAPHRASED, READ_BY_FULL = ("plain", "paraphrased", "read_by_full")


@dataclass(frozen=True)
class Prepared:
    """Rows, and their answers after the question and after its paraphrase, by set."""

    rows: dict[str, list[dict]]
    plain: dict[str, list[Example]]
    paraphrased: dict[str, list[Example]]


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row without a question, a paraphrase of it, or an answer."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            for field in ("question", "paraphrased_question", "answer"):
                text_of(row, field, place)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise the true answer of every row after both questions."""
    plain, paraphrased = (
        {
            name: encoder.encode_all([(row[question], row["answer"]) for row in some])
            for name, some in rows.items()
        }
        for question in ("question", "paraphrased_question")
    )
    return Prepared({name: list(some) for name, some in rows.items()}, plain, paraphrased)


@torch.inference_mode()
def record(model, prepared: Prepared, limits: Limits, full: Reference) -> dict[str, ItemSet]:
    """``prompt_loss`` under one model, a value for each of ``PROMPTS``.

    LetheError if the models' keys and values cannot be exchanged, or they read other tokens.
    """
    check_alike(model, full.model)
    for one in (model, full.model):
        prompt_cache.check_packed(one, "suite 'phrasings'")
    return {name: _item_set(model, prepared, name, limits, full) for name in prepared.rows}


def _item_set(model, prepared: Prepared, name: str, limits: Limits, full: Reference) -> ItemSet:
    rows, examples = prepared.rows[name], prepared.plain[name]
    if examples != full.encoder.encode_all([(row["question"], row["answer"]) for row in rows]):
        raise LetheError(
            f"set '{name}': the model and the model before unlearning do not read the same tokens; "
            "name checkpoints with one tokenizer and template, and without prompts of their own"
        )
    losses = (
        mean_losses(model, examples, limits.token_budget),
        mean_losses(model, prepared.paraphrased[name], limits.token_budget),
        losses_after(full.model, model, examples, limits.token_budget),
    )
    return ItemSet(
        question=[row["question"] for row in rows],
        answer=[row["answer"] for row in rows],
        prompt=[list(PROMPTS) for _ in rows],
        prompt_loss=nested([list(values) for values in zip(*losses, strict=True)], float),
    )


def losses_after(
    reader, model, examples: Sequence[Example], budget: int | None = None
) -> list[float]:
    """Mean loss (nats) of each answer under ``model`` after ``reader``'s prompt cache, in order."""
    losses = [0.0] * len(examples)
    by_length = by_budget(
        range(len(examples)), budget or BUDGET[model.device.type], lambda n: len(examples[n])
    )
    for some in by_length:
        batch = to_device(pack([examples[n] for n in some], some), model.device)
        cache = prompt_cache.recorded(reader, batch)
        answers = Forward(model).answers(prompt_cache.with_cache(batch, cache))
        means = answers.by_sequence(answers.token_nll().double()) / answers.sequence_tokens()
        for number, loss in zip(some, means.tolist(), strict=True):
            losses[number] = loss
    return losses
