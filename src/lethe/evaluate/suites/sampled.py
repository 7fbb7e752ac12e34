"""Sampled answers: many answers to each forget question, at a temperature and top-p.

What a greedy answer hides may still come out when one asks often (leak@k, arXiv 2511.04934). Where
``nli`` names a classifier, it says of every sample how likely it entails the true answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lethe.evaluate import entailment
from lethe.evaluate.records import ItemSet, nested
from lethe.evaluate.suite import Limits, places, text_of
from lethe.model.encoder import Encoder
from lethe.model.sampling import Sampling, sampled

SETS = {"forget": "forget_perturbed"}
COLUMNS = ("sample",)
PROBE = True
SETTINGS = {
    "samples": {"default": 16, "least": 1},
    "temperature": {"default": 1.0, "least": 0.001},
    "top_p": {"default": 1.0, "above": 0, "most": 1},
    "seed": {"default": 0, "least": 0},
    "nli": {"default": None},
}
CHECKS = {"nli": "lethe.evaluate.entailment.check"}


@dataclass(frozen=True)
class Prepared:
    """Questions with their true answers, by set, and how they are asked."""

    pairs: dict[str, list[tuple[str, str]]]
    encoder: Encoder
    how: Sampling
    nli: entailment.Classifier | None


def check(rows: Mapping[str, Sequence[dict]], settings: Mapping) -> None:
    """LetheError names the first row without an answer."""
    for name, some in rows.items():
        _pairs(name, some)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]], settings: Mapping) -> Prepared:
    """Read every row; ``settings`` has all of ``SETTINGS``."""
    own = dict(settings)
    path = own.pop("nli")
    pairs = {name: _pairs(name, some) for name, some in rows.items()}
    # Loaded before the samples are taken: what is wrong with it should not wait for them.
    nli = None if path is None else entailment.load(path)
    if nli is not None:
        entailment.check_room(nli, [answer for some in pairs.values() for _, answer in some])
    return Prepared(pairs, encoder, Sampling(**own), nli)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The samples of every question under one model, and their entailment if there is an NLI."""
    return {name: _item_set(model, prepared, name, limits) for name in prepared.pairs}


def _pairs(name: str, rows: Sequence[dict]) -> list[tuple[str, str]]:
    return [
        (text_of(row, "question", place), text_of(row, "answer", place))
        for row, place in zip(rows, places(name, rows), strict=True)
    ]


def _item_set(model, prepared: Prepared, name: str, limits: Limits) -> ItemSet:
    questions, answers = map(list, zip(*prepared.pairs[name], strict=True))
    texts = _samples(model, prepared, questions, limits)
    judged = None
    if prepared.nli is not None:
        judged = nested(_entailed(prepared.nli, texts, answers, model.device))
    return ItemSet(question=questions, answer=answers, sample=texts, sample_entailment=judged)


def _samples(model, prepared: Prepared, questions: list[str], limits: Limits) -> list[list[str]]:
    encoder, most = prepared.encoder, limits.max_new_tokens
    prompts = [encoder.prompt_ids(question) for question in questions]
    rooms = [encoder.room(question, limits.max_length) for question in questions]
    ends = [
        room if most is None else min(room, len(prompt) + most)
        for prompt, room in zip(prompts, rooms, strict=True)
    ]
    answers = sampled(model, prompts, questions, ends, encoder.end, prepared.how)
    return [
        [text.strip() for text in encoder.tokenizer.batch_decode(some, skip_special_tokens=True)]
        for some in answers
    ]


def _entailed(
    nli: entailment.Classifier, texts: list[list[str]], answers: list[str], device
) -> list[list[float]]:
    """The probability that each sample entails the true answer of its question."""
    pairs = [(text, answer) for some, answer in zip(texts, answers, strict=True) for text in some]
    chances = iter(entailment.probabilities(nli, pairs, device))
    return [[next(chances) for _ in some] for some in texts]
