"""Reformulated questions: each question is put in many ways, and each way is answered.

The kinds of variants are those of ``lethe.evaluate.variants.kinds``; setting ``kinds`` names some,
with ``|`` between them, or ``all``, which leaves out those that the data do not supply. The plain
question is always put as well. Answers are greedy; ``samples`` adds that many sampled answers to
each. An answer may be as long under every variant as under the plain question.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits, places, text_of
from lethe.evaluate.variants import kinds
from lethe.evaluate.variants.variant import Variant
from lethe.model.encoder import Encoder
from lethe.model.generate import greedy
from lethe.model.sampling import Sampling, sampled

SETS = {"forget": "forget_perturbed", "retain": "retain_perturbed"}
COLUMNS = ("prompt", "prompt_text", "prompt_answer", "prompt_generation")
PROBE = True
PICTURES = False
SETTINGS = {
    "kinds": {"default": "all"},
    "samples": {"default": 0, "least": 0},
    "temperature": {"default": 1.0, "least": 0.001},
    "top_p": {"default": 1.0, "above": 0, "most": 1},
    "seed": {"default": 0, "least": 0},
}
CHECKS = {"kinds": "lethe.evaluate.variants.kinds.named"}
FIELDS_CHECK = "lethe.evaluate.variants.kinds.check_fields"
# Tokens of a variant and its answer: hints and examples are longer than the data's questions. At
# least this many of them are left for the answer.
LONGEST, ANSWER = 512, 64
# Tokens at which the encoder would cut a text; no text has this many.
UNCUT = 2**31


@dataclass(frozen=True)
class Prepared:
    """Rows and their variants by set, with the tokens of each variant."""

    rows: dict[str, list[dict]]
    variants: dict[str, list[dict[str, Variant]]]
    prompts: dict[Variant, list[int]]
    encoder: Encoder
    sampling: Sampling


def check(rows: Mapping[str, Sequence[dict]], settings: Mapping) -> None:
    """LetheError names the first row without a text, or a kind that no row supplies."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            text_of(row, "question", place)
            text_of(row, "answer", place)
    kinds.check(rows, settings["kinds"])


def together(rows: Mapping[str, Sequence[dict]], settings: Mapping) -> dict[str, list[dict]]:
    """Each row with its ``variants``, whose hints and examples come from other rows."""
    made = kinds.variants(rows, settings["kinds"])
    return {
        name: [{**row, "variants": own} for row, own in zip(some, made[name], strict=True)]
        for name, some in rows.items()
    }


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]], settings: Mapping) -> Prepared:
    """Tokenise the variants of every row from ``together``; those too long are left out."""
    made = {name: [row["variants"] for row in some] for name, some in rows.items()}
    how = Sampling(**{key: value for key, value in settings.items() if key != "kinds"})
    uncut = copy.copy(encoder)
    uncut.max_length = UNCUT
    every = dict.fromkeys(one for some in made.values() for row in some for one in row.values())
    prompts = {one: _prompt(uncut, one) for one in every}
    put = {name: [_fitting(uncut, row, prompts) for row in some] for name, some in made.items()}
    given = {name: list(some) for name, some in rows.items()}
    return Prepared(given, put, prompts, uncut, how)


def _prompt(encoder: Encoder, variant: Variant) -> list[int]:
    """The tokens of a variant, with the beginning of its answer."""
    if not variant.begun:
        return encoder.prompt_ids(variant.text)
    return list(encoder.encode(variant.text, variant.begun).ids[:-1])


def _fitting(
    encoder: Encoder, made: dict[str, Variant], prompts: dict[Variant, list[int]]
) -> dict[str, Variant]:
    """The variants that are not too long, and always the plain question."""
    return {
        kind: one
        for kind, one in made.items()
        if kind == kinds.PLAIN or len(prompts[one]) + ANSWER <= encoder.room(one.text, LONGEST)
    }


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The answers of one model to all variants of all rows."""
    asked = [
        (one, _end(prepared, one, row[kinds.PLAIN], limits))
        for some in prepared.variants.values()
        for row in some
        for one in row.values()
    ]
    prompts, ends = [prepared.prompts[one] for one, _ in asked], [end for _, end in asked]
    written = iter(_greedy(model, prepared.encoder, prompts, ends))
    drawn = iter(_sampled(model, prepared, prompts, ends, [one.shown for one, _ in asked]))
    return {
        name: _item_set(prepared.rows[name], some, written, drawn)
        for name, some in prepared.variants.items()
    }


def _end(prepared: Prepared, variant: Variant, plain: Variant, limits: Limits) -> int:
    """The token at which a variant's answer ends: it may be as long as after the plain question."""
    encoder, prompts = prepared.encoder, prepared.prompts
    room = max(0, encoder.room(plain.text, limits.max_length) - len(prompts[plain]))
    if limits.max_new_tokens is not None:
        room = min(room, limits.max_new_tokens)
    end = len(prompts[variant]) + room
    return end if variant == plain else min(end, encoder.room(variant.text, LONGEST))


def _greedy(model, encoder: Encoder, prompts, ends) -> list[str]:
    return _texts(encoder, greedy(model, prompts, ends, encoder.end))


def _sampled(model, prepared: Prepared, prompts, ends, keys) -> list[list[str]]:
    if not prepared.sampling.samples:
        return []
    encoder = prepared.encoder
    answers = sampled(model, prompts, keys, ends, encoder.end, prepared.sampling)
    return [_texts(encoder, some) for some in answers]


def _texts(encoder: Encoder, answers) -> list[str]:
    texts = encoder.tokenizer.batch_decode(answers, skip_special_tokens=True)
    return [text.strip() for text in texts]


def _item_set(rows, variants, written, drawn) -> ItemSet:
    """A set's columns; ``written`` and ``drawn`` yield the answers to each variant."""
    answers = [[next(written) for _ in made] for made in variants]
    samples = [[text for _ in made for text in next(drawn, ())] for made in variants]
    return ItemSet(
        question=[row["question"] for row in rows],
        answer=[row["answer"] for row in rows],
        prompt=[list(made) for made in variants],
        prompt_text=[[one.shown for one in made.values()] for made in variants],
        prompt_answer=[[one.right for one in made.values()] for made in variants],
        prompt_generation=answers,
        sample=samples if any(samples) else None,
    )
