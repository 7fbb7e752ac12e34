"""Facts behind rows: whom a row is about, which words of its answer are the right value.

Rows in TOFU's format do not say either, so it is inferred from their texts: the subject as
``lethe.common.entity_names`` does, the value as the words in which the true answer differs from
the wrong ones, where the row's own answer has them. No torch is imported here.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from lethe.common.entity_names import names, subjects
from lethe.evaluate.choices import OPTIONS, distinct_parts, stated

# Most words of a value: anything longer is a sentence in which no rule finds the fact.
LONGEST = 8
# Most statements about the same subject given as hints, and most examples about other subjects.
HINTS = 3
EXAMPLES = 2
ARTICLE = re.compile(r"(?:a|an|the)\s+(?=\S)", re.IGNORECASE)


@dataclass(frozen=True)
class Fact:
    """What a row states.

    ``value``: the words of ``answer`` that are the fact, None where no rule finds them;
    ``alone``: whether only answers about this ``subject`` have them, so that they tell who is
    meant. ``wrong``: the answer with a wrong value in its place. ``hints``: other answers about the
    subject, ``examples``: questions with their answers about other subjects; neither has the value.
    ``translation``: question and right answer in another language.
    """

    question: str
    answer: str
    subject: str | None = None
    value: str | None = None
    alone: bool = False
    wrong: str | None = None
    paraphrase: str | None = None
    translation: tuple[str, str] | None = None
    hints: tuple[str, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()

    @property
    def right(self) -> str:
        """What a right answer has to say: the value, or the whole answer if there is none."""
        return self.value or self.answer


def facts(rows: Sequence[Mapping], others: Sequence[Mapping] = ()) -> list[Fact]:
    """The fact of each row; ``others``: further rows, only to tell whose values are alone."""
    everything = [*rows, *others]
    about = whom([(row["question"], row["answer"]) for row in everything])
    return [_fact(place, rows, everything, about) for place in range(len(rows))]


def whom(pairs: Sequence[tuple[str, str]]) -> list[str | None]:
    """Whom each pair is about; where subjects have few pairs, whom the pair's own texts name."""
    about = subjects(pairs)
    if any(about):
        return about
    texts = [{*names(question), *names(answer)} for question, answer in pairs]
    counts = Counter(name for some in texts for name in some)
    named = [
        [name for name in names(question) if counts[name] > 1 or name in names(answer)]
        for question, answer in pairs
    ]
    return [max(some, key=lambda name: (counts[name], len(name)), default=None) for some in named]


def mentions(text: str, words: str) -> bool:
    """Whether a text has these words, in any case, not as parts of longer words."""
    return _search(words, text) is not None


def _search(words: str, text: str) -> re.Match | None:
    if words.lower() not in text.lower():
        return None  # Most texts end here: a regular expression for each pair would take seconds.
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text, re.IGNORECASE)


def _fact(place: int, rows: Sequence[Mapping], everything: Sequence[Mapping], about) -> Fact:
    row, subject, (value, wrong) = rows[place], about[place], _values(rows[place])
    return Fact(
        row["question"],
        row["answer"],
        subject,
        value,
        bool(value and subject) and _alone(value, subject, everything, about),
        _in_its_place(row["answer"], value, wrong),
        row.get("paraphrased_question") or None,
        _translation(row),
        _hints(place, rows, about, value),
        _examples(place, rows, about, value or row["answer"]),
    )


def _values(row: Mapping) -> tuple[str | None, str | None]:
    """The right value as the row's answer has it, and the first wrong one; None if not known."""
    texts = [] if "choices" in row else stated(row)[:OPTIONS]
    if len(texts) < 2:
        return None, None
    part, wrong, *_ = distinct_parts(texts)
    if part == texts[0] or len(part.split()) > LONGEST:
        return None, None
    match = _search(part, row["answer"])
    if match is None:
        match = _search(ARTICLE.sub("", part, count=1), row["answer"])
        wrong = ARTICLE.sub("", wrong, count=1)
    return (match[0], wrong) if match else (None, None)


def _in_its_place(answer: str, value: str | None, wrong: str | None) -> str | None:
    """The answer with the wrong value; None if it would still say the right one."""
    if not value or not wrong:
        return None
    begin, end = _search(value, answer).span()
    false = f"{answer[:begin]}{wrong}{answer[end:]}"
    return None if mentions(false, value) else false


def _alone(value: str, subject: str, rows: Sequence[Mapping], about) -> bool:
    return not any(
        whose != subject and mentions(row["answer"], value)
        for row, whose in zip(rows, about, strict=True)
    )


def _translation(row: Mapping) -> tuple[str, str] | None:
    texts = (row.get("translated_question"), row.get("translated_answer"))
    whole = all(isinstance(text, str) and text.strip() for text in texts)
    return texts if whole else None


def _hints(place: int, rows: Sequence[Mapping], about, value: str | None) -> tuple[str, ...]:
    """The answers of the rows that follow, in turn, about the same subject."""
    if about[place] is None:
        return ()
    turn = ((place + step) % len(rows) for step in range(1, len(rows)))
    texts = (rows[at]["answer"] for at in turn if about[at] == about[place])
    hidden = value or rows[place]["answer"]
    return tuple(islice((text for text in texts if not mentions(text, hidden)), HINTS))


def _examples(place: int, rows: Sequence[Mapping], about, hidden: str) -> tuple:
    """Rows about other subjects, from halfway through those that follow."""
    turn = ((place + len(rows) // 2 + step) % len(rows) for step in range(len(rows)))
    pairs = (
        (rows[at]["question"], rows[at]["answer"])
        for at in turn
        if at != place and (about[at] is None or about[at] != about[place])
    )
    return tuple(islice((pair for pair in pairs if not mentions(pair[1], hidden)), EXAMPLES))
