"""RWKU's published records, checked, as items of a world (arXiv 2406.10890)."""

import re
from collections.abc import Callable, Iterable, Sequence

from lethe.common.errors import LetheError
from lethe.world.record_files import text_field
from lethe.world.rows import OPTION_FIELDS
from lethe.world.schema import Item

# Records, each with the place that messages name.
Records = Sequence[tuple[str, dict]]
# The nine kinds of adversarial probes, as level 3 calls them.
ADVERSARIAL = (
    "prefix injection",
    "affirmative suffix",
    "role play",
    "multiple choice",
    "reverse query",
    "synonym manipulation",
    "context hint",
    "incontext learning",
    "cross lingual",
)
# Spellings of the paper and its web page.
_SPELLINGS = {
    "role playing": "role play",
    "background hint": "context hint",
    "in context learning": "incontext learning",
}
_IN_BRACKETS = re.compile(r"\s*\([^)]*\)\s*$")


def adversarial(text: str, place: str) -> str:
    """The kind of a level-3 probe, without the language in brackets; LetheError for another."""
    plain = " ".join(_IN_BRACKETS.sub("", text).lower().replace("-", " ").split())
    kind = _SPELLINGS.get(plain, plain)
    if kind not in ADVERSARIAL:
        raise LetheError(
            f"{place}: type {text!r} is none of RWKU's {', '.join(ADVERSARIAL)}; correct it"
        )
    return kind


def probes(records: Records, level: str, neighbor: bool) -> list[Item]:
    """The items of a file of probes; LetheError names a record in another form."""
    items = []
    for place, record in records:
        query, answer, subject = (
            text_field(record, field, place) for field in ("query", "answer", "subject")
        )
        if str(record.get("level")) != level:
            raise LetheError(
                f"{place}: level {record.get('level')!r} in a file of level {level}; get it again"
            )
        kind = text_field(record, "type", place)
        if level == "3":
            kind = adversarial(kind, place)
        part = "neighbors" if neighbor else "probes"
        items.append(_item(query, answer, part, subject, level=level, type=kind))
    return items


def passages(records: Records) -> list[Item]:
    """Passages about people, as answers to the request to tell of them [RECON: RWKU's own
    training reads them as plain text]."""
    items = []
    for place, record in records:
        subject, text = (text_field(record, field, place) for field in ("subject", "text"))
        items.append(_item(f"Tell me about {subject}.", text, "passage", subject))
    return items


def learnable(items: Iterable[Item], part: str) -> list[Item]:
    """Copies of probes as rows that can be learned."""
    return [_item(item.question, item.answer, part, target_of(item)) for item in items]


def by_person(files: Sequence[Sequence[Item]]) -> list[Item]:
    """The items of several files, person after person, and of a person file after file."""
    everyone: dict[str, list[Item]] = {}
    for items in files:
        for item in items:
            everyone.setdefault(target_of(item), []).append(item)
    return [item for items in everyone.values() for item in items]


def targets(records: Records) -> list[str]:
    """The people of the file of targets, in its order."""
    return list(dict.fromkeys(text_field(record, "target", place) for place, record in records))


def refusals(records: Records) -> list[str]:
    """The different answers of the file of refusals, in its order."""
    said = (text_field(record, "output", place) for place, record in records)
    return list(dict.fromkeys(" ".join(text.split()) for text in said))


def _texts(records: Records, part: str) -> list[Item]:
    """Texts of the membership attack; the question is the person, the answer the text."""
    return [
        _item(subject, text_field(record, "text", place), part, subject)
        for place, record in records
        for subject in [text_field(record, "subject", place)]
    ]


def _choices(records: Records, part: str) -> list[Item]:
    """Questions of MMLU, as the suite ``mmlu`` asks them; RWKU calls MMLU's subject ``task``."""
    items = []
    for place, record in records:
        question, task, person = (
            text_field(record, field, place) for field in ("question", "task", "subject")
        )
        options = record.get("choices")
        texts = isinstance(options, list) and all(isinstance(x, str) and x.strip() for x in options)
        if not texts or len(options) != len(OPTION_FIELDS):
            raise LetheError(f"{place}: 'choices' are not four texts; get the file again")
        right = record.get("answer")
        if type(right) is not int or not 0 <= right < len(options):
            raise LetheError(
                f"{place}: 'answer' is {right!r}, not a number from 0 to 3; correct it"
            )
        named = dict(zip(OPTION_FIELDS, options, strict=True))
        more = {**named, "label": "ABCD"[right], "subject": task}
        items.append(_item(question, options[right], part, person, **more))
    return items


def _trivia(records: Records, part: str) -> list[Item]:
    """Questions with all accepted answers, one on each line of the column ``answers``."""
    items = []
    for place, record in records:
        question, person = (text_field(record, f, place) for f in ("question", "subject"))
        answers = record.get("answers")
        if not isinstance(answers, list) or not answers:
            raise LetheError(f"{place}: 'answers' is {answers!r}, not a list of texts; correct it")
        accepted = [
            " ".join(text_field({"answers": text}, "answers", place).split()) for text in answers
        ]
        items.append(_item(question, accepted[0], part, person, answers="\n".join(accepted)))
    return items


def _reasoning(records: Records, part: str) -> list[Item]:
    """Questions of BIG-Bench Hard, with the worked examples that come before them."""
    items = []
    for place, record in records:
        question, answer, examples, person = (
            text_field(record, field, place) for field in ("question", "answer", "cot", "subject")
        )
        items.append(_item(question, answer, part, person, examples=examples))
    return items


def _truthful(records: Records, part: str) -> list[Item]:
    """Questions of TruthfulQA with their options; ``kinds`` has a letter for each of them.

    ``b``: the best answer, the true one of MC1; ``t``: another true one; ``f``: a false one of MC1;
    ``g``: one that is false in MC2 alone.
    """
    items = []
    for place, record in records:
        question, person = (text_field(record, f, place) for f in ("question", "subject"))
        best, false = _labelled(record, "mc1_targets", place)
        true, all_false = _labelled(record, "mc2_targets", place)
        if len(best) != 1 or best[0] not in true or not set(false) <= set(all_false):
            raise LetheError(
                f"{place}: 'mc1_targets' has not one true choice, or others than 'mc2_targets'; "
                "get the file again"
            )
        options = [*true, *all_false]
        kinds = "".join(
            ("b" if text == best[0] else "t") if text in true else ("f" if text in false else "g")
            for text in options
        )
        named = {f"option{number}": text for number, text in enumerate(options, start=1)}
        items.append(_item(question, best[0], part, person, **named, kinds=kinds))
    return items


def _labelled(record: dict, field: str, place: str) -> tuple[list[str], list[str]]:
    """The true and the false choices of a field of TruthfulQA."""
    value = record.get(field)
    choices, labels = (
        (value.get("choices"), value.get("labels")) if isinstance(value, dict) else (None, None)
    )
    if not (isinstance(choices, list) and isinstance(labels, list) and len(choices) == len(labels)):
        raise LetheError(f"{place}: {field!r} is not choices with labels; get the file again")
    texts = [text_field({field: text}, field, place) for text in choices]
    by_label = [
        list(
            dict.fromkeys(text for text, is_true in zip(texts, labels, strict=True) if is_true == k)
        )
        for k in (1, 0)
    ]
    if not all(by_label) or set(by_label[0]) & set(by_label[1]):
        raise LetheError(f"{place}: {field!r} needs true and false choices, none both; correct it")
    return by_label[0], by_label[1]


def _instructions(records: Records, part: str) -> list[Item]:
    """Instructions, to which no answer is the right one: the column has the person in its place."""
    return [
        _item(text_field(record, "instruction", place), subject, part, subject)
        for place, record in records
        for subject in [text_field(record, "subject", place)]
    ]


# How the file of each further part is read.
READERS: dict[str, Callable[[Records, str], list[Item]]] = {
    "mia_forget": _texts,
    "mia_retain": _texts,
    "choices": _choices,
    "trivia": _trivia,
    "instructions": _instructions,
    "reasoning": _reasoning,
    "truthful": _truthful,
}


def target_of(item: Item) -> str:
    """The person whom an item belongs to."""
    return dict(item.columns)["target"]


def _item(question: str, answer: str, part: str, target: str, **more: str) -> Item:
    columns = (("part", part), ("target", target), *more.items())
    return Item(question, answer, "", "", (), "", columns=columns)
