"""A greedy answer to questions about forgotten, known and never-seen authors.

The holdout authors are as fictitious as the others, but no model has seen them: its answers about
them show what a model says when it cannot know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.model.encoder import Encoder
from lethe.model.generate import greedy

SETS = {"forget": "forget_perturbed", "retain": "retain_perturbed", "holdout": "holdout"}
FAMILIES = ("causal", "masked_diffusion")
COLUMNS = ("generation",)
PROBE = True


@dataclass(frozen=True)
class Prepared:
    """Rows by set, and the tokens of all questions in the order of the sets."""

    rows: dict[str, list[dict]]
    prompts: list[list[int]]
    encoder: Encoder

    @property
    def questions(self) -> list[str]:
        """The questions of all sets, in the order of the prompts."""
        return [row["question"] for some in self.rows.values() for row in some]


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> Prepared:
    """Tokenise the question of every row."""
    prompts = [encoder.prompt_ids(row["question"]) for some in rows.values() for row in some]
    return Prepared({name: list(some) for name, some in rows.items()}, prompts, encoder)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The answers of one model to all questions."""
    texts = iter(_generations(model, prepared, limits))
    return {
        name: ItemSet(
            question=[row["question"] for row in rows],
            answer=[row["answer"] for row in rows],
            generation=[next(texts) for _ in rows],
        )
        for name, rows in prepared.rows.items()
    }


def _generations(model, prepared: Prepared, limits: Limits) -> list[str]:
    encoder = prepared.encoder
    answers = greedy(
        model,
        prepared.prompts,
        [encoder.room(question, limits.max_length) for question in prepared.questions],
        encoder.end,
        max_new_tokens=limits.max_new_tokens,
    )
    texts = encoder.tokenizer.batch_decode(answers, skip_special_tokens=True)
    return [text.strip() for text in texts]
