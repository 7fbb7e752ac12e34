"""Distillation: another model, starting from the base, learns this model's answers to questions.

It makes one generation in a chain of models that learn from models (AI-FOPT, arXiv 2601.02631
[RECON]). The next generation is the same attack on the state that this one left (``of``). Only
questions are taken from the data, or made from them; the answers are the teacher's own words.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lethe.common.errors import LetheError
from lethe.evaluate.variants.facts import Fact, whom
from lethe.evaluate.variants.wordings import alias, clause_order, typos

NEEDS = ("{data}",)
STARTS_FROM_BASE = True


class DistillationSettings(BaseModel):
    """``epochs`` at ``lr`` over the teacher's greedy answers, of up to ``max_new_tokens``.

    ``data``: whose questions are asked: the target authors' (``full``), those of the retain set, or
    those of the base (``background``). ``questions``: ``own``, these questions as they are, or
    ``generated``, other ones made from them by rule: with the name first, with initials in place of
    first names, misspelt. No row has any of these.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Literal["full", "retain", "background"] = "full"
    questions: Literal["own", "generated"] = "own"
    epochs: int = Field(10, ge=1, le=1000)
    lr: float = Field(1e-3, gt=0, le=1)
    batch_size: int = Field(32, ge=1)
    max_new_tokens: int = Field(60, ge=1)


settings_class = DistillationSettings


def questions(settings, rows: Sequence[tuple[str, str]]) -> list[str]:
    """What the teacher is asked; LetheError if no question can be generated from the rows."""
    own = [question for question, _ in rows]
    if settings.questions == "own":
        return own
    about = whom(rows)
    facts = [Fact(*row, subject=one) for row, one in zip(rows, about, strict=True)]
    made = [form(fact) for fact in facts for form in (clause_order, alias, typos)]
    taken = set(own)
    texts = list(dict.fromkeys(v.text for v in made if v is not None and v.text not in taken))
    if not texts:
        raise LetheError(
            "attack 'distillation': questions: no other question can be made from the rows; "
            "choose own"
        )
    return texts


def answers(model, settings, encoder, questions: Sequence[str]) -> list[str]:
    """The teacher's answers to the questions."""
    from lethe.model.generate import greedy

    prompts = [encoder.prompt_ids(question) for question in questions]
    longest = [len(prompt) + settings.max_new_tokens for prompt in prompts]
    generated = greedy(model, prompts, longest, encoder.end)
    texts = encoder.tokenizer.batch_decode(generated, skip_special_tokens=True)
    return [text.strip() for text in texts]


def change(model, settings, examples, seed, report, how=None) -> None:
    """Train the student on the questions with the teacher's answers, in place."""
    from lethe.train.finetune import fit
    from lethe.train.settings import Schedule

    schedule = Schedule(epochs=settings.epochs, lr=settings.lr, batch_size=settings.batch_size)
    fit(model, examples, schedule, f"distillation/{seed}", report, how)
