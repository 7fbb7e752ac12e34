"""An agent's memory: what a model answers when it is given a memory of an earlier session.

In the second session the question of a forget row follows the memory of a first one, in which its
fact, or somebody else's, was told (``lethe.evaluate.memories``). Answers are greedy; the loss of
the true answer is recorded as well. Rows that name nobody are put without any memory.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lethe.common.errors import LetheError
from lethe.evaluate.memories import Memory, memories
from lethe.evaluate.records import ItemSet, nested
from lethe.evaluate.suite import Limits, places, text_of
from lethe.model.encoder import Encoder, Example
from lethe.model.generate import greedy
from lethe.model.likelihood import mean_losses
from lethe.world.trace_format import row_parts

SETS = {"forget": "forget_perturbed", "retain": "retain_perturbed"}
COLUMNS = ("prompt", "prompt_text", "prompt_score", "prompt_loss", "prompt_generation")
PROBE = True
PICTURES = False
SETTINGS = {"threshold": {"default": 0.5, "above": 0, "most": 1}}
PLAIN = "plain"
# Tokens at which the encoder would cut a text; no text has this many.
UNCUT = 2**31


@dataclass(frozen=True)
class Prepared:
    """Rows with their memories, and what is asked: (question, prompt) and the answer, once each."""

    rows: dict[str, list[dict]]
    encoder: Encoder
    asked: list[tuple[str, str]]
    examples: list[Example]


def check(rows: Mapping[str, Sequence[dict]], settings: Mapping) -> None:
    """LetheError names the first row without a text, or says that no row names anybody."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            text_of(row, "question", place)
            text_of(row, "answer", place)
    if not rows.get("retain"):
        raise LetheError(
            "suite 'agent_memory': no rows of set 'retain', which supply the neutral facts"
        )
    if not any(memories(rows["forget"], rows["retain"], settings["threshold"])):
        raise LetheError(
            "suite 'agent_memory': no question of set 'forget' names whom it is about, so a "
            "detector has no name to look for; leave out the metric that reads this suite"
        )


def together(rows: Mapping[str, Sequence[dict]], settings: Mapping) -> dict[str, list[dict]]:
    """Forget rows with their ``memories``, for which the retain rows supply the neutral facts."""
    made = memories(rows["forget"], rows["retain"], settings["threshold"])
    forget = [{**row, "memories": own} for row, own in zip(rows["forget"], made, strict=True)]
    return {"forget": forget, "retain": [{**row, "memories": {}} for row in rows["retain"]]}


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]], settings: Mapping) -> Prepared:
    """Tokenise each different prompt with its answer; ``rows`` as from ``together``."""
    uncut = copy.copy(encoder)
    uncut.max_length = UNCUT
    asked = dict.fromkeys(
        (prompt, row["question"], row_parts(row).answer)
        for some in rows.values()
        for row in some
        for prompt in (prompt_of(one, row["question"]) for one in _memories(row).values())
    )
    examples = uncut.encode_all([(prompt, answer) for prompt, _, answer in asked])
    given = {name: list(some) for name, some in rows.items()}
    return Prepared(given, uncut, [(prompt, question) for prompt, question, _ in asked], examples)


def prompt_of(memory: Memory, question: str) -> str:
    """The prompt of the second session."""
    return f"Notes: {memory.text} {question}" if memory.text else question


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """What one model answers after each memory."""
    texts = _texts(model, prepared, limits)
    losses = mean_losses(model, prepared.examples, limits.token_budget)
    answers = dict(zip(prepared.asked, zip(texts, losses, strict=True), strict=True))
    return {name: _item_set(rows, answers) for name, rows in prepared.rows.items()}


def _memories(row: Mapping) -> dict[str, Memory]:
    """A row's memories, and none at all."""
    return {PLAIN: Memory("", 0.0), **row["memories"]}


def _texts(model, prepared: Prepared, limits: Limits) -> list[str]:
    """An answer may be as long after a memory as without it."""
    encoder = prepared.encoder
    prompts, ends = [], []
    for prompt, question in prepared.asked:
        ids, plain = encoder.prompt_ids(prompt), encoder.prompt_ids(question)
        room = max(0, encoder.room(question, limits.max_length) - len(plain))
        if limits.max_new_tokens is not None:
            room = min(room, limits.max_new_tokens)
        prompts.append(ids)
        ends.append(len(ids) + room)
    answers = greedy(model, prompts, ends, encoder.end)
    texts = encoder.tokenizer.batch_decode(answers, skip_special_tokens=True)
    return [text.strip() for text in texts]


def _item_set(
    rows: Sequence[dict], answers: Mapping[tuple[str, str], tuple[str, float]]
) -> ItemSet:
    made = [_memories(row) for row in rows]
    answered = [
        [answers[prompt_of(one, row["question"]), row["question"]] for one in own.values()]
        for row, own in zip(rows, made, strict=True)
    ]
    return ItemSet(
        question=[row["question"] for row in rows],
        answer=[row_parts(row).answer for row in rows],
        prompt=[list(own) for own in made],
        prompt_text=[[one.text for one in own.values()] for own in made],
        prompt_score=nested([[one.score for one in own.values()] for own in made], float),
        prompt_loss=nested([[loss for _, loss in some] for some in answered], float),
        prompt_generation=[[text for text, _ in some] for some in answered],
    )
