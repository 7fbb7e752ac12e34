"""Checks of an item: one function for each defect returns the reason, or None without a defect.

A reason is short, stable (reasons are counted), and clear to a model that is asked to do better.
The defects are those that users have found in TOFU's rows and those typical of language models.
"""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

# Left over from lists: “Additional 10 question-answer pairs:”, “Q:”, “1.”, “**Answer**”.
# For texts in lower case: ignoring case would take twice as long.
_DEBRIS = re.compile(r"\s*(?:(?:q|a|question|answer)\s*\d*\s*[:.)]|\d+[.)]|[-*•#]\s)")
_DEBRIS_INSIDE = re.compile(
    r"question[- ](?:and[- ])?answer|\badditional \d|\d (?:more|further|other) (?:questions|pairs)"
    r"|\*\*|```|\n[^\S\n]*\n|[{}<>\[\]]|\\n|\bitem \d"
)
_REFUSAL = re.compile(
    r"\bas an ai\b|\blanguage model\b|^sorry\b|\bfictional (?:author|character)\b"
    r"|\b(?:is|are) (?:fictional|fictitious)\b|\bi['’]m (?:sorry|unable)\b"
    r"|\bi (?:cannot|can['’]t|am unable|am not able|do not have|don['’]t have|apologi[sz]e)\b"
)
# Parts of our own prompts, which small models tend to repeat.
_ECHO = re.compile(r"\bthis is attempt\b|\bin the last one this was wrong|\bwrite exactly \d")
# The same letter four times in a row.
_HELD = re.compile(r"([a-z])\1{3}")
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_NUMBER = re.compile(r"\d+")
_POSSESSIVE = re.compile(r"['’]s?$")
# Names shorter than this are not inflected.
_INFLECTED = 5
_END = re.compile(r"[.!?…][\"'”’)]*$")
LONGEST = 1200


@lru_cache(maxsize=4096)
def words(text: str) -> tuple[str, ...]:
    """The words of a text in lower case."""
    return tuple(_WORD.findall(text.lower()))


def similarity(one: str, other: str) -> float:
    """From 0 to 1: how much of two texts consists of the same words in the same order."""
    return SequenceMatcher(None, words(one), words(other), autojunk=False).ratio()


def blank(text: str) -> str | None:
    return None if words(text) else "it is empty"


def echo(text: str) -> str | None:
    return "it repeats the request" if _ECHO.search(text.lower()) else None


def stutter(text: str) -> str | None:
    """A sign of a model stuck in a loop: one or two words three times in a row."""
    said = words(text)
    # A word that occurs three times makes at least two repetitions; most texts have fewer.
    few = len(said) - len(set(said)) < 2
    again = not few and (_thrice(said, 1) or _thrice(said, 2))
    return "it says the same again and again" if again or _HELD.search(text.lower()) else None


def _thrice(said: Sequence[str], size: int) -> bool:
    """Whether ``size`` words occur three times in a row."""
    same = [one == other for one, other in zip(said, said[size:], strict=False)]
    return any(all(same[n : n + 2 * size]) for n in range(len(same) - 2 * size + 1))


def debris(text: str) -> str | None:
    low = text.lower()
    match = _DEBRIS.match(low) or _DEBRIS_INSIDE.search(low)
    return "it has remains of a list or of formatting" if match else None


def refusal(text: str) -> str | None:
    return "it refuses, or speaks of fiction" if _REFUSAL.search(text.lower()) else None


def unsound(text: str) -> str | None:
    """The first of the defects that no text of any kind may have."""
    return first(blank(text), echo(text), stutter(text), debris(text), refusal(text))


def truncated(answer: str) -> str | None:
    return None if _END.search(answer.strip()) else "the answer does not end as a sentence"


def overlong(text: str, longest: int = LONGEST) -> str | None:
    return "it is too long" if len(text) > longest else None


def no_question(question: str) -> str | None:
    return (
        None if question.strip().endswith("?") else "the question does not end with a question mark"
    )


def no_full_name(question: str, name: str) -> str | None:
    return None if name.lower() in question.lower() else "the question lacks the full name"


def near_duplicate(question: str, others: Iterable[str], alike: float) -> str | None:
    """Whether a question's similarity to one of the others is at least ``alike`` (0 to 1)."""
    matcher = SequenceMatcher(None, autojunk=False)
    matcher.set_seq2(words(question))
    for other in others:
        matcher.set_seq1(words(other))
        # The cheap upper bounds first: nearly all questions are quite different.
        bounds = (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)
        if all(bound() >= alike for bound in bounds):
            return "the question is asked already"
    return None


def same_text(text: str, others: Sequence[str]) -> str | None:
    said = words(text)
    return "it repeats another text" if any(said == words(other) for other in others) else None


def other_meaning(original: str, paraphrase: str, share: float) -> str | None:
    """All numbers must be kept and none added, and at least ``share`` of the names kept."""
    if set(_NUMBER.findall(original)) != set(_NUMBER.findall(paraphrase)):
        return "the paraphrase changes a number"
    names, said = _names(original), words(paraphrase)
    preserved = sum(any(_same_name(name, word) for word in said) for name in names)
    return "the paraphrase loses a name" if preserved < share * len(names) else None


def _names(text: str) -> set[str]:
    """Capitalised words that do not begin a sentence, without a possessive 's."""
    inner = re.findall(r"(?<![.!?] )(?<!^)\b[A-Z][\w’'-]*", text)
    names = {_POSSESSIVE.sub("", word) for name in inner for word in words(name)}
    return names - {"i", "the", "a"}


def _same_name(name: str, word: str) -> bool:
    """“Li” in “Li’s”, “Nigeria” in “Nigerian”, “Biography” in “biographies”."""
    return word.startswith(name if len(name) < _INFLECTED else name[:-1])


def off_length(text: str, model: str, times: float) -> str | None:
    length, standard = len(words(text)), max(1, len(words(model)))
    # A short sentence may gain or lose two words.
    if length > times * standard + 2 or length < standard / times - 2:
        return "its length is too different"
    return None


def off_template(text: str, model: str, least: float) -> str | None:
    if _frame(words(text), words(model)) >= least or similarity(text, model) >= least:
        return None
    return "it does not keep the sentence it changes"


def _frame(one: Sequence[str], other: Sequence[str]) -> float:
    """The share of both texts that is their common beginning and end: fast, and often enough."""
    shorter = min(len(one), len(other))
    start = next((n for n in range(shorter) if one[n] != other[n]), shorter)
    rest = shorter - start
    end = next((n for n in range(rest) if one[-1 - n] != other[-1 - n]), rest)
    return 2 * (start + end) / max(1, len(one) + len(other))


def bad_name(name: str, real: str) -> str | None:
    """A name must have two to five words of letters, and be neither a title nor a real author's."""
    parts = name.split()
    if not 2 <= len(parts) <= 5 or not all(re.fullmatch(r"[^\W\d_][\w.’'-]*", p) for p in parts):
        return "the name is not a full name"
    if parts[0].lower() == "the":
        return "the name is a title"
    if name.lower() in real.lower():
        return "the name is that of a real author"
    return None


def first(*reasons: str | None) -> str | None:
    """The first defect found."""
    return next((reason for reason in reasons if reason), None)
