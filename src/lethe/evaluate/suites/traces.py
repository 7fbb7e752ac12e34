"""Reasoning traces: what a model thinks and answers after a given beginning.

Every question is asked once for each prefill (``lethe.evaluate.prefills``), greedily. True traces
come from the rows' column ``cot``, as R-TOFU has it, or from the answers of a world with traces
(``lethe.world.traces``). A prefill's tokens do not count towards the limits of length.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from lethe.common.errors import LetheError
from lethe.evaluate import prefills
from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits, places, text_of
from lethe.model.encoder import Encoder
from lethe.model.generate import greedy
from lethe.world.trace_format import COLUMN, Parted, joined, row_parts
from lethe.world.traces import without_head

SETS = {"forget": "forget", "retain": "retain_perturbed"}
COLUMNS = ("trace", "prompt", "prompt_text", "prompt_generation")
PROBE = True
SETTINGS = {"prefills": {"default": "all"}}
CHECKS = {"prefills": "lethe.evaluate.prefills.named"}
FIELDS_CHECK = "lethe.evaluate.suites.traces.check_fields"


@dataclass(frozen=True)
class Prepared:
    """Questions with their true traces and answers, by set, and the prefills."""

    rows: dict[str, list[tuple[str, Parted]]]
    encoder: Encoder
    prefills: list[str]


def check_fields(settings: Mapping, fields: Collection[str]) -> None:
    """LetheError for rows with only these ``fields``, if no trace is among them."""
    if COLUMN not in fields:
        raise LetheError(
            "suite 'traces': the world has no reasoning traces; set world.traces, or leave out the "
            "metric that reads them"
        )


def check(rows: Mapping[str, Sequence[dict]], settings: Mapping) -> None:
    """LetheError names the first row without a trace."""
    for name, some in rows.items():
        _rows(name, some)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]], settings: Mapping) -> Prepared:
    """Read every row; ``settings`` has all of ``SETTINGS``."""
    read = {name: _rows(name, some) for name, some in rows.items()}
    return Prepared(read, encoder, prefills.named(settings["prefills"]))


def record(model, prepared: Prepared, limits: Limits) -> dict[str, ItemSet]:
    """What one model writes after each prefill, for all questions.

    LetheError if a true trace and answer would not fit in ``max_length``: an answer that is cut off
    would count as one that tells nothing.
    """
    _check_room(prepared, limits)
    asked = [
        (put, prefills.PREFILLS[name])
        for rows in prepared.rows.values()
        for question, _ in rows
        for name, put in _put(question, prepared.prefills).items()
    ]
    texts = iter(_texts(model, prepared.encoder, asked, limits))
    return {name: _item_set(rows, prepared.prefills, texts) for name, rows in prepared.rows.items()}


def _put(question: str, names: Sequence[str]) -> dict[str, str]:
    """The question as it is put with each prefill."""
    bare = without_head(question)
    put = {name: bare if name == prefills.HEADLESS else question for name in names}
    return {name: text for name, text in put.items() if text is not None}


def _rows(name: str, rows: Sequence[dict]) -> list[tuple[str, Parted]]:
    read = []
    for row, place in zip(rows, places(name, rows), strict=True):
        text_of(row, "answer", place)
        parts = row_parts(row)
        if not parts.closed:
            raise LetheError(
                f"{place}: no reasoning trace, neither in a column {COLUMN} nor in its answer; add "
                "it, or leave out the metric that reads traces"
            )
        read.append((text_of(row, "question", place), parts))
    return read


def _check_room(prepared: Prepared, limits: Limits) -> None:
    encoder, excess = prepared.encoder, 0
    for rows in prepared.rows.values():
        for question, parts in rows:
            whole = encoder.begun_ids(question, joined(parts.trace, parts.answer))
            excess = max(excess, len(whole) - encoder.room(question, limits.max_length))
    if excess > 0:
        raise LetheError(
            f"max_length: {limits.max_length} cuts off true traces and answers, after which no "
            f"fact is told; raise it to {limits.max_length + excess} or more"
        )


def _texts(model, encoder: Encoder, asked: Sequence[tuple[str, str]], limits: Limits) -> list[str]:
    """The greedy continuation of each question's prompt and prefill."""
    prompts = [
        encoder.begun_ids(question, text) if text else encoder.prompt_ids(question)
        for question, text in asked
    ]
    ends = []
    for (question, _), prompt in zip(asked, prompts, strict=True):
        plain = len(encoder.prompt_ids(question))
        room = max(0, encoder.room(question, limits.max_length) - plain)
        if limits.max_new_tokens is not None:
            room = min(room, limits.max_new_tokens)
        ends.append(len(prompt) + room)
    answers = greedy(model, prompts, ends, encoder.end)
    return encoder.tokenizer.batch_decode(answers, skip_special_tokens=True)


def _item_set(rows, names: list[str], texts) -> ItemSet:
    put = [list(_put(question, names)) for question, _ in rows]
    return ItemSet(
        question=[question for question, _ in rows],
        answer=[parts.answer for _, parts in rows],
        trace=[parts.trace for _, parts in rows],
        prompt=put,
        prompt_text=[[prefills.PREFILLS[name] for name in some] for some in put],
        prompt_generation=[[next(texts).strip() for _ in some] for some in put],
    )
