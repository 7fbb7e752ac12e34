"""PPU-Bench's evaluation rows: a greedy answer to each, by text or with the row's picture.

PPU-Bench (arXiv 2605.08800, and the authors' code): generation asks for a sentence, cloze for what
fills a blank, classification for the letter of one of four options. An answer has at most 50
tokens. With ``wording: instructed`` a question says what form the answer takes, in words of our
own; with ``wording: bare`` it does not, for models too small to follow an instruction. The sets
``picture2`` to ``picture4`` are forget rows with another picture of the subject.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lethe.common.errors import LetheError
from lethe.evaluate.begun_answers import Asked, token_lists, written
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits, places
from lethe.model.encoder import Encoder
from lethe.world.rows import OPTION_FIELDS

SETS = {
    "forget": "forget_tasks",
    "retain": "retain_tasks",
    "picture2": "cross_image_2",
    "picture3": "cross_image_3",
    "picture4": "cross_image_4",
}
OPTIONAL = ("picture2", "picture3", "picture4")
COLUMNS = ("generation", "task", "modality")
PROBE = True
SETTINGS = {"wording": ("instructed", "bare")}
TOKENS = 50
LETTERS = ("A", "B", "C", "D")
CLASSIFICATION = "classification"
# What is added to the question of each task.
INSTRUCTIONS = {
    "generation": "Reply in English with one sentence.",
    "cloze": "Reply only with the words that belong in the blank.",
    CLASSIFICATION: "Reply with the letter of the right option and nothing else.",
}


@dataclass(frozen=True)
class Prepared:
    """Rows by set, and what is asked in the order of the sets, with its tokens."""

    rows: dict[str, list[dict]]
    asked: list[Asked]
    ids: list[list[int]]
    encoder: Encoder


def check(rows: Mapping[str, Sequence[dict]], settings: Mapping) -> None:
    """LetheError names the first row without task or modality, or without its options."""
    for name, some in rows.items():
        for row, place in zip(some, places(name, some), strict=True):
            task = row.get("task")
            lettered = all(row.get(field) for field in OPTION_FIELDS) and row["answer"] in LETTERS
            if (
                task not in INSTRUCTIONS
                or not row.get("modality")
                or (task == CLASSIFICATION and not lettered)
            ):
                raise LetheError(
                    f"{place}: not an evaluation row of PPU-Bench; use rows of the world ppu_bench"
                )


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]], settings: Mapping) -> Prepared:
    """Put every row in words and tokenise it."""
    chosen = {name: list(some) for name, some in rows.items()}
    asked = [Asked(question(row, settings["wording"])) for some in chosen.values() for row in some]
    return Prepared(chosen, asked, token_lists(encoder, asked), encoder)


def question(row: Mapping, wording: str) -> str:
    """All that is asked of a row: question, options if it has any, and the instruction."""
    lines = [row["question"]]
    if row["task"] == CLASSIFICATION:
        options = zip(LETTERS, OPTION_FIELDS, strict=True)
        lines += [f"{letter}. {row[field]}" for letter, field in options]
    if wording == "instructed":
        lines.append(INSTRUCTIONS[row["task"]])
    return "\n".join(lines)


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """The answers of one model, with task and modality of each row."""
    short = replace(limits, max_new_tokens=TOKENS)
    said = iter(written(model, prepared.encoder, prepared.asked, prepared.ids, short))
    return {
        name: ItemSet(
            question=[row["question"] for row in rows],
            answer=[row["answer"] for row in rows],
            generation=[next(said).strip() for _ in rows],
            task=[row["task"] for row in rows],
            modality=[row["modality"] for row in rows],
        )
        for name, rows in prepared.rows.items()
    }
