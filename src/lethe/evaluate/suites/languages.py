"""Each fact in every language of the world: how likely its answer and the wrong ones are.

Each row of a split of the kind ``languages`` is one fact, whose ``languages`` list its wording in
each of them. Hold-out languages, in which no model learned a fact, are asked as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lethe.common.errors import LetheError
from lethe.evaluate.records import ItemSet, nested
from lethe.evaluate.suite import Limits, places, text_of
from lethe.model.encoder import Encoder, Example
from lethe.model.likelihood import Likelihood

SETS = {"forget": "forget_languages", "retain": "retain_languages"}
FAMILIES = ("causal", "masked_diffusion")
COLUMNS = (
    "language",
    "language_role",
    "language_question",
    "language_answer",
    "language_loss",
    "language_tokens",
    "language_paraphrase_loss",
    "language_wrong_loss",
)
PROBE = True
ROLES = ("given", "learned", "holdout")


@dataclass(frozen=True)
class Prepared:
    """Rows by set, and for all of them, language by language, the tokenised answers.

    For each language: the true answer, its paraphrase, then the wrong answers.
    """

    rows: dict[str, list[dict]]
    likelihood: Likelihood

    @property
    def examples(self) -> Sequence[Example]:
        """All answers, in the order of rows and languages."""
        return self.likelihood.examples


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row, and language, that lacks a text."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            stated = row.get("languages")
            if not isinstance(stated, list) or not all(isinstance(s, Mapping) for s in stated):
                raise LetheError(f"{place}: no languages; make it by a split of that kind")
            if len(stated) < 2:
                raise LetheError(f"{place}: states its fact in one language; give it two or more")
            for one in stated:
                _check(one, f"{place}, language {one.get('language')!r}")
            if len({len(one["perturbed_answer"]) for one in stated}) > 1:
                raise LetheError(
                    f"{place}: languages have different numbers of wrong answers; "
                    "give each the same number"
                )


def _check(one: Mapping, place: str) -> None:
    text_of(one, "language", place)
    for field in ("question", "answer", "paraphrased_answer", "perturbed_answer"):
        text_of(one, field, place)
    if one.get("role") not in ROLES:
        raise LetheError(f"{place}: no role; it is one of {', '.join(ROLES)}")


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise every answer in every language."""
    pairs = [
        (one["question"], answer)
        for some in rows.values()
        for row in some
        for one in row["languages"]
        for answer in _answers(one)
    ]
    given = {name: list(some) for name, some in rows.items()}
    return Prepared(given, Likelihood(encoder.encode_all(pairs)))


def _answers(one: Mapping) -> list[str]:
    return [one["answer"], one["paraphrased_answer"], *one["perturbed_answer"]]


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The losses of all answers in all languages under one model."""
    losses = iter(prepared.likelihood(model, limits.token_budget).loss)
    tokens = iter(example.answer_tokens for example in prepared.examples)
    return {name: _item_set(some, losses, tokens) for name, some in prepared.rows.items()}


def _item_set(rows: list[dict], losses: Iterator[float], tokens: Iterator[int]) -> ItemSet:
    """A set's columns; ``losses`` and ``tokens`` yield the values of all answers in turn."""
    stated = [row["languages"] for row in rows]
    loss = [[[next(losses) for _ in _answers(one)] for one in some] for some in stated]
    count = [[[next(tokens) for _ in _answers(one)] for one in some] for some in stated]

    def texts(field: str) -> list[list[str]]:
        return [[one[field] for one in some] for some in stated]

    return ItemSet(
        question=[row["question"] for row in rows],
        answer=[row["answer"] for row in rows],
        language=texts("language"),
        language_role=texts("role"),
        language_question=texts("question"),
        language_answer=texts("answer"),
        language_loss=nested([[one[0] for one in some] for some in loss]),
        language_tokens=nested([[one[0] for one in some] for some in count], int),
        language_paraphrase_loss=nested([[one[1] for one in some] for some in loss]),
        language_wrong_loss=nested([[x for one in some for x in one[2:]] for some in loss]),
    )
