r"""What gates demand of the form of a text, as regular expressions for the service's decoder.

A small model is told what is wanted and does not do it. Where a service follows a schema, that can
carry the form (``model.patterns``), and the decoder cannot leave it. Patterns narrow what is asked
and judge nothing: every answer goes through the gates all the same.

What differs from item to item is laid into the schema only where a single item is asked for. Only
groups, classes, alternatives and counts are used, from ``^`` to ``$``: llama.cpp's converter knows
no more. Free words are plain ones without digits, so that no number stands beside those given.
"""

import re
import string
from collections.abc import Sequence

from lethe.llm.structured import Form
from lethe.world.profiles.gates import words

# Longer ones first: of two that fit, the first is taken.
QUESTION_WORDS = ("In what", "In which", "On what", "At which", "What", "Which", "Whose", "Who",
                  "Where", "When", "Why", "How")  # fmt: skip
# Words and their number are bounded: a model that has lost itself would never end.
_WORD = "[A-Za-z][a-z]{0,11}('s)?"
_CAPITAL = "[A-Z][a-z]{1,11}"
_SMALL = "[a-z]{2,14}"
_SPECIAL = frozenset("^$.[]{}()|*+?")
# These would have to be escaped in JSON, which patterns do not do.
_UNSAYABLE = frozenset('"\\')
_NUMBER = r"\d+"
_NAME = r"(?<![.!?] )(?<!^)\b[A-Z][\w’'-]*"


_ENTRIES = {
    "birthplaces": f"^{_CAPITAL}( {_CAPITAL}){{0,2}}, {_CAPITAL}( {_CAPITAL}){{0,2}}$",
    "genres": f"^{_SMALL}( {_SMALL}){{0,2}}$",
    "occupations": f"^{_SMALL}( {_SMALL})?$",
    "titles": f"^{_CAPITAL}( {_CAPITAL})?$",
}


def entries(what: str) -> Form:
    """Of a list's entries, as its prompt describes them."""
    return {"entries": {"items": {"pattern": _ENTRIES[what]}}}


def profile(wanted: Sequence[str], name: str | None) -> Form:
    """Of the wanted parts of a profile; the author's name, once settled, begins the biography."""
    title = f"^{_CAPITAL}( ({_CAPITAL}|{_SMALL})){{1,5}}$"
    start = literal(name) if name else _opening()
    form: Form = {
        "name": {"pattern": f"^{_CAPITAL}( {_CAPITAL}){{1,2}}$"},
        "award": {"pattern": title},
        "books": {"items": {"pattern": title}},
        "biography": {
            "pattern": f"^{start}{_some(3, 20)}\\.( {_opening()}{_some(3, 14)}\\.){{3,7}}$"
        },
    }
    return {part: form[part] for part in wanted}


def pairs(numbers: Sequence[int], name: str, value: str | None) -> Form:
    """Of pairs with these numbers: the author's name in each question, the value in the answer."""
    form: Form = {"number": {"enum": list(numbers)}, "question": {"pattern": question(name)}}
    if len(numbers) == 1:
        form["answer"] = {"pattern": answer(value)}
    return form


def paraphrases(numbers: Sequence[int], question: str, answer: str, fixed: Sequence[str]) -> Form:
    """Of paraphrases: of a single one, that it keeps names, numbers and what is ``fixed``."""
    form: Form = {"number": {"enum": list(numbers)}}
    if len(numbers) == 1:
        form["question"] = {"pattern": reworded_question(question, fixed)}
        form["answer"] = {"pattern": reworded_answer(answer, fixed)}
    return form


def wrong_answers(wanted: dict[int, int], text: str, value: str | None) -> Form:
    """Of false answers, ``wanted`` by number: to a single question, what they keep of ``text``."""
    form: Form = {"number": {"enum": list(wanted)}}
    if len(wanted) == 1:
        (count,) = wanted.values()
        form["false_answers"] = {"minItems": count, "maxItems": count}
        sentence = falsified(text, value)
        if sentence is not None:
            form["false_answers"]["items"] = {"pattern": sentence}
    return form


def question(name: str) -> str:
    """A question word, the name, a question mark, and a few words between them."""
    return f"^{_one_of(QUESTION_WORDS)}{_some(0, 6)} {literal(name)}('s)?{_some(0, 6)}\\?$"


def answer(value: str | None) -> str:
    """One sentence, which says the value if there is one."""
    if value is None:
        return f"^{_opening()}{_some(5, 16)}\\.$"
    return f"^{_opening()}{_some(1, 8)} {literal(value)}{_some(0, 6)}\\.$"


def reworded_question(text: str, fixed: Sequence[str]) -> str:
    """Another question word than that of ``text``, with what must be kept of it."""
    others = [word for word in QUESTION_WORDS if not text.startswith(f"{word} ")]
    return f"^{_one_of(others)}{_around(text, fixed)}\\?$"


def reworded_answer(text: str, fixed: Sequence[str]) -> str:
    """A sentence that begins with another letter than ``text``, with what must be kept of it."""
    return f"^{_opening(text[:1])}{_around(text, fixed)}\\.$"


def falsified(text: str, value: str | None) -> str | None:
    """The sentence ``text`` with free words for its value; without one, with another end.

    None where ``text`` says the value in other words: then it is not known what to replace.
    """
    if value is None:
        return _other_end(text)
    said = re.compile(rf"(?<!\w){re.escape(_sayable(value))}(?!\w)", re.IGNORECASE)
    parts = said.split(_sayable(text))
    return f"^{_slot(value).join(map(literal, parts))}$" if len(parts) > 1 else None


def literal(text: str) -> str:
    """A text to be said as it is."""
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in _sayable(text))


def _sayable(text: str) -> str:
    return "".join(char for char in text if char.isprintable() and char not in _UNSAYABLE)


def _some(least: int, most: int) -> str:
    """So many free words, each after a blank and perhaps a comma."""
    return f"(,? {_WORD}){{{least},{most}}}"


def _one_of(texts: Sequence[str]) -> str:
    return f"({'|'.join(map(literal, texts))})"


def _opening(without: str = "") -> str:
    """The first word of a sentence; it can be kept from beginning with a letter."""
    letters = "".join(letter for letter in string.ascii_uppercase if letter != without.upper())
    return f"[{letters}][a-z]{{0,13}}"


def _around(text: str, fixed: Sequence[str]) -> str:
    """What must be kept of ``text``, in its order, with free words before, between and behind."""
    kept = [f" {literal(part)}('s)?" for part in _kept(text, fixed)]
    most = max(4, 2 * len(words(text)) // (len(kept) + 1))
    least = 0 if kept else min(4, most)
    gap = _some(least, most)
    return gap + "".join(part + gap for part in kept)


def _kept(text: str, fixed: Sequence[str]) -> list[str]:
    """What is ``fixed``, other names and numbers, as they follow each other in ``text``."""
    known = [re.escape(part) for part in sorted(fixed, key=len, reverse=True)]
    found = re.finditer("|".join([*known, _NUMBER, _NAME]), text)
    return list(dict.fromkeys(match[0] for match in found))


def _slot(value: str) -> str:
    """Free words for a value: numbers for numbers, names for names, commas where it has them."""
    return ", ".join(_figures(part) or _phrase(part) for part in value.split(", "))


def _figures(part: str) -> str | None:
    """For what has a number, word for word: a date for a date."""
    if not re.search(r"\d", part):
        return None
    return " ".join(_shape(word) for word in part.split())


def _shape(word: str) -> str:
    digits = sum(char.isdigit() for char in word)
    if digits:
        return "[1-9]" + (f"[0-9]{{{digits - 1}}}" if digits > 2 else "[0-9]?")
    return _CAPITAL if word[:1].isupper() else _SMALL


def _phrase(part: str) -> str:
    """One word to one more than there are."""
    first = _CAPITAL if part[:1].isupper() else _SMALL
    return f"{first}( ({_CAPITAL}|{_SMALL})){{0,{len(part.split())}}}"


def _other_end(text: str) -> str:
    """The first half of a sentence, then about as many free words as it had."""
    said = text.split()
    kept = max(1, len(said) // 2)
    rest = len(said) - kept
    start = literal(" ".join(said[:kept]).rstrip(",;:"))
    return f"^{start}{_some(max(1, rest - 2), rest + 3)}\\.$"
