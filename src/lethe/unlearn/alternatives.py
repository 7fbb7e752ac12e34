"""Alternative answers to forget questions, from the model under test itself (AltPO, 2409.13474)."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lethe.common.errors import LetheError
from lethe.common.files import write_rows
from lethe.model.settings import Compute
from lethe.world.rows import read_pairs

# The factor on the temperature from round to round, and the most rounds.
WARMER, ROUNDS = 1.25, 20


class Alternatives(BaseModel):
    """``count`` answers for each row, sampled at ``temperature``.

    ``prompt``: the text for the model, which contains <question> and, if wanted, <answer>. The
    paper asks a chat model for another plausible answer; a model that cannot follow instructions
    gets the question alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = Field(5, ge=1, description="answers for each forget row")
    temperature: float = Field(1.0, ge=0.001, description="sampling temperature")
    prompt: str = Field(
        "<question>",
        description="what the model is asked: a text with `<question>`, perhaps `<answer>`",
    )

    @field_validator("prompt")
    @classmethod
    def _has_the_question(cls, value: str) -> str:
        if "<question>" not in value:
            raise ValueError("it must contain <question>")
        return value


def propose(
    model, encoder, pairs: Sequence[tuple[str, str]], settings: Alternatives, seed: int
) -> list[list[str]]:
    """For each (question, answer), ``count`` distinct texts that differ from its own answer.

    A model that has memorised an answer repeats it: rows with too few answers are asked again, each
    time at a temperature higher by a quarter. Draws depend only on seed, row and round, not on the
    batch.
    """
    proposed: list[list[str]] = [[] for _ in pairs]
    temperature = settings.temperature
    for number in range(ROUNDS):
        missing = [settings.count - len(answers) for answers in proposed]
        rows = [row for row, count in enumerate(missing) for _ in range(count)]
        if not rows:
            return proposed
        texts = _ask(model, encoder, pairs, rows, settings.prompt, temperature, (seed, number))
        for row, text in zip(rows, texts, strict=True):
            if text and text != pairs[row][1].strip() and text not in proposed[row]:
                proposed[row].append(text)
        temperature *= WARMER
    row = next(row for row, answers in enumerate(proposed) if len(answers) < settings.count)
    raise LetheError(
        f"alternatives: the model has no {settings.count} other answers to {pairs[row][0][:60]!r}; "
        "lower alternatives.count"
    )


def write_alternatives(file, pairs, proposed: Sequence[Sequence[str]]) -> None:
    """Write the result of ``propose`` as rows: question, answer, alternatives."""
    write_rows(
        file,
        (
            {"question": question, "answer": answer, "alternatives": list(answers)}
            for (question, answer), answers in zip(pairs, proposed, strict=True)
        ),
    )


def propose_alternatives(
    start: str | Path,
    forget: str | Path,
    out: str | Path,
    *,
    settings: Alternatives | Mapping[str, Any] | None = None,
    template: str | Mapping[str, Any] = "chat",
    max_length: int = 500,
    seed: int = 0,
    compute: Compute | None = None,
    device: str = "cpu",
) -> dict[str, int]:
    """``propose`` answers for the rows of file ``forget`` with checkpoint ``start``; write ``out``.

    ``settings``: those of ``Alternatives``; a mapping needs only what differs from the defaults.
    Methods read ``out`` as ``alternatives``. Returns counts: rows.
    """
    from lethe.model import checkpoint
    from lethe.model.encoder import Encoder

    loading = (compute or Compute()).loading()
    model, tokenizer = checkpoint.load(start, device, **loading, template=template)
    pairs = read_pairs(forget)
    encoder = Encoder(tokenizer, template, max_length)
    answers = propose(model, encoder, pairs, Alternatives.model_validate(settings or {}), seed)
    write_alternatives(out, pairs, answers)
    return {"rows": len(pairs)}


def _ask(model, encoder, pairs, rows, prompt: str, temperature: float, key) -> list[str]:
    """One sampled answer for each entry of ``rows``."""
    questions = [
        prompt.replace("<question>", pairs[row][0]).replace("<answer>", pairs[row][1])
        for row in rows
    ]
    prompts = [encoder.prompt_ids(question) for question in questions]
    limits = [encoder.room(question, encoder.max_length) for question in questions]
    excess = max(len(prompt) - limit for prompt, limit in zip(prompts, limits, strict=True))
    if excess >= 0:
        longest = encoder.max_length + excess
        raise LetheError(
            f"max_length: {encoder.max_length} leaves no room for answers; raise it above {longest}"
        )
    ids = sample(model, prompts, limits, encoder.end, temperature, key)
    return [encoder.tokenizer.decode(answer, skip_special_tokens=True).strip() for answer in ids]


def sample(model, prompts, max_length, end: int, temperature: float, key) -> list[list[int]]:
    """A continuation of each prompt, drawn token by token at ``temperature``.

    Each prompt has its own generator, seeded by ``key`` and its place, so that its draws do not
    depend on the other prompts. The token is the argmax of the scaled logits plus Gumbel noise.
    """
    import torch

    from lethe.model.generate import continuations

    draws = []
    for place in range(len(prompts)):
        draws.append(torch.Generator())
        draws[-1].manual_seed(random.Random(f"sample/{key}/{place}").getrandbits(63))

    def choose(logits, places):
        noise = torch.stack(
            [torch.empty(logits.shape[1]).exponential_(generator=draws[place]) for place in places]
        )
        return (logits.float() / temperature - noise.to(logits.device).log()).argmax(-1)

    return continuations(model, prompts, max_length, end, choose)
