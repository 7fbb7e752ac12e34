"""Sampled answers: many answers to each forget question, at a temperature and top-p.

What a greedy answer hides may still come out when a question is asked often (leak@k, arXiv
2511.04934). If ``nli`` names a classifier, it gives the probability that each sample entails the
true answer; if ``judge`` names a language model, that gives the probability that each sample states
it. Both are asked the same of the true answer itself and of another question's, which shows whether
they can tell.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lethe.evaluate import entailment, judge
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
    "nli": {"default": None, "path": True},
    "judge": {"default": None, "path": True},
}
ONE_OF = ("nli", "judge")
CHECKS = {"nli": "lethe.evaluate.entailment.check", "judge": "lethe.evaluate.judge.check"}


@dataclass(frozen=True)
class Prepared:
    """Questions with their true answers, by set, and how they are asked."""

    pairs: dict[str, list[tuple[str, str]]]
    encoder: Encoder
    how: Sampling
    nli: entailment.Classifier | None
    judge: judge.Judge | None


def check(rows: Mapping[str, Sequence[dict]], settings: Mapping) -> None:
    """LetheError names the first row without an answer."""
    for name, some in rows.items():
        _pairs(name, some)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]], settings: Mapping) -> Prepared:
    """Read every row; ``settings`` has all of ``SETTINGS``."""
    own = dict(settings)
    paths = own.pop("nli"), own.pop("judge")
    pairs = {name: _pairs(name, some) for name, some in rows.items()}
    # Loaded before the samples are taken, so that a faulty one is found at once.
    nli = None if paths[0] is None else entailment.load(paths[0])
    asked = None if paths[1] is None else judge.load(paths[1])
    if nli is not None:
        entailment.check_room(nli, [answer for some in pairs.values() for _, answer in some])
    return Prepared(pairs, encoder, Sampling(**own), nli, asked)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The samples of every question under one model, and what an NLI or a judge says about them."""
    return {name: _item_set(model, prepared, name, limits) for name in prepared.pairs}


def _pairs(name: str, rows: Sequence[dict]) -> list[tuple[str, str]]:
    return [
        (text_of(row, "question", place), text_of(row, "answer", place))
        for row, place in zip(rows, places(name, rows), strict=True)
    ]


def _item_set(model, prepared: Prepared, name: str, limits: Limits) -> ItemSet:
    questions, answers = map(list, zip(*prepared.pairs[name], strict=True))
    texts = _samples(model, prepared, questions, limits)
    triples = [
        (question, answer, text)
        for question, answer, some in zip(questions, answers, texts, strict=True)
        for text in some
    ]
    said = _judged(prepared, triples, model.device, limits)
    judged = None if said is None else nested([[next(said) for _ in some] for some in texts])
    return ItemSet(
        question=questions,
        answer=answers,
        sample=texts,
        sample_entailment=judged,
        sample_control=_controls(prepared, questions, answers, model.device, limits),
    )


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


def _controls(prepared: Prepared, questions: list[str], answers: list[str], device, limits: Limits):
    """What is said of each true answer itself and of another question's, if anybody is asked."""
    others = [_other(answers, place) for place in range(len(answers))]
    triples = [
        (question, answer, given)
        for question, answer, other in zip(questions, answers, others, strict=True)
        for given in (answer, other)
    ]
    said = _judged(prepared, triples, device, limits)
    return None if said is None else nested([[next(said), next(said)] for _ in answers])


def _other(answers: list[str], place: int) -> str:
    """The first different answer from half a set away: rows nearby are about the same author."""
    from_there = (place + len(answers) // 2) % len(answers)
    order = answers[from_there:] + answers[:from_there]
    # A set of equal answers has no other: an empty answer then states nothing.
    return next((text for text in order if text != answers[place]), "")


def _judged(
    prepared: Prepared, triples: list[tuple[str, str, str]], device, limits: Limits
) -> Iterator[float] | None:
    """The probability that each sample of (question, true answer, sample) states the answer."""
    if prepared.nli is not None:
        pairs = [(text, answer) for _, answer, text in triples]
        return iter(entailment.probabilities(prepared.nli, pairs, device))
    if prepared.judge is not None:
        return iter(judge.probabilities(prepared.judge, triples, device, limits.token_budget))
    return None
