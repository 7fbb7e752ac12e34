r"""What gates demand of the form of a text, as regular expressions for the service's decoder.

A small model is told what is wanted and does not do it. Where a service follows a schema, that can
carry the form (``model.patterns``), and the decoder cannot leave it. Patterns narrow what is asked
and judge nothing: every answer goes through the gates all the same.

A model that has failed once likes to fail again in the same words. So from the second attempt on
a text may begin with a part only of what it might: each attempt has letters or question words of
its own.

What differs from item to item is laid into the schema only where a single item is asked for. Only
groups, classes, alternatives and counts are used, from ``^`` to ``$``: llama.cpp's converter knows
no more. Free words are plain ones without digits, so that no number stands beside those given.
"""

import re
import string
from collections.abc import Sequence, Set
from typing import Any

from lethe.llm.structured import Form
from lethe.world.generated.checks import words

# Longer ones first: of two that fit, the first is taken.
QUESTION_WORDS = ("In what", "In which", "What", "Which", "Whose", "Who", "Where", "When", "Why",
                  "How")  # fmt: skip
# Words and their number are bounded: a model that has lost itself would never end.
_WORD = "[A-Za-z][a-z]{0,11}('s)?"
_CAPITAL = "[A-Z][a-z]{1,11}"
_SMALL = "[a-z]{2,14}"
_SPECIAL = frozenset("^$.[]{}()|*+?")
# These would have to be escaped in JSON, which patterns do not do.
_UNSAYABLE = frozenset('"\\')
_NUMBER = r"\d+"
_ANY = string.ascii_lowercase
_TURNS = 3
_NAME = r"(?<![.!?] )(?<!^)\b[A-Z][\w’'-]*"


def entries(what: str, attempt: int = 1) -> Form:
    """Of a list's entries, as its prompt describes them."""
    capital, small = _begun(_ANY.upper(), attempt), _begun(_ANY, attempt)
    pattern = {
        "birthplaces": f"{capital}( {_CAPITAL}){{0,2}}, {_CAPITAL}( {_CAPITAL}){{0,2}}",
        "genres": f"{small}( {_SMALL}){{0,2}}",
        "occupations": f"{small}( {_SMALL})?",
        "titles": f"{capital}( {_CAPITAL})?",
    }[what]
    return {"entries": {"items": {"pattern": f"^{pattern}$"}}}


def profile(wanted: Sequence[str], name: str | None, attempt: int = 1) -> Form:
    """Of the wanted parts of a profile; the author's name, once settled, begins the biography."""
    title = f"^{_CAPITAL}( ({_CAPITAL}|{_SMALL})){{1,5}}$"
    # Titles begin with "The", names do not.
    letters = _ANY.upper().replace("T", "")
    start = literal(name) if name else _opening()
    form: Form = {
        "name": {"pattern": f"^{_begun(letters, attempt)}( {_CAPITAL}){{1,2}}$"},
        "award": {"pattern": title},
        "books": {"items": {"pattern": title}},
        "biography": {
            "pattern": f"^{start}{_some(3, 20)}\\.( {_opening()}{_some(3, 14)}\\.){{3,5}}$"
        },
    }
    return {part: form[part] for part in wanted}


def pairs(numbers: Sequence[int], name: str, value: str | None, attempt: int = 1) -> Form:
    """Of pairs with these numbers: the author's name in each question, the value in the answer."""
    asked = {"pattern": question(name, attempt)}
    form: Form = {"number": {"enum": list(numbers)}, "question": asked}
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


def wrong_answers(
    wanted: dict[int, int], text: str, value: str | None, used: Sequence[str]
) -> Form:
    """Of false answers, ``wanted`` by number: to a single question, what they keep of ``text``.

    ``used`` are those there are. Each has a pattern of its own, lest a model say one five times.
    """
    form: Form = {"number": {"enum": list(wanted)}}
    if len(wanted) == 1:
        (count,) = wanted.values()
        answers: dict[str, Any] = {"minItems": count, "maxItems": count}
        if sentences := falsified(text, value, count, used):
            each = [{"type": "string", "pattern": sentence} for sentence in sentences]
            # Beside ``items`` it would not be seen.
            answers |= {"prefixItems": each, "items": None}
        form["false_answers"] = answers
    return form


def question(name: str, attempt: int = 1) -> str:
    """A question word, the name, a question mark, and a few words between them."""
    start = _one_of(_turn(QUESTION_WORDS, attempt))
    return f"^{start}{_some(0, 6)} {literal(name)}('s)?{_some(0, 6)}\\?$"


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


def falsified(text: str, value: str | None, count: int, used: Sequence[str] = ()) -> list[str]:
    """The sentence ``text`` with free words for its value, or without one with another end.

    ``count`` patterns, of which no two fit one text, nor any of them ``text`` or one ``used``.
    Empty where ``text`` says the value in other words: then it is not known what to replace.
    """
    text = _sayable(text)
    start = _start(text, value)
    if start is None or (value is not None and _still_said(text, value)):
        return []
    taken = {said[len(start) : len(start) + 1].lower() for said in (text, *map(_sayable, used))}
    dealt = [_dealt(place, count, taken) for place in range(count)]
    if value is None:
        return [_other_end(text, start, firsts) for firsts in dealt]
    return [_other_value(text, value, firsts) for firsts in dealt]


def literal(text: str) -> str:
    """A text to be said as it is."""
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in _sayable(text))


def _sayable(text: str) -> str:
    return "".join(char for char in text if char.isprintable() and char not in _UNSAYABLE)


def _turn(choices: Sequence[str], attempt: int) -> Sequence[str]:
    """All at the first attempt, then a part of them, another one each time."""
    return choices if attempt == 1 else choices[attempt % _TURNS :: _TURNS]


def _begun(letters: str, attempt: int) -> str:
    """A word that begins with a letter whose turn it is."""
    return f"[{''.join(_turn(letters, attempt))}][a-z]{{1,11}}"


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
    preserved = [f" {literal(part)}('s)?" for part in _preserved(text, fixed)]
    most = max(4, 1 + len(words(text)) // (len(preserved) + 1))
    gap = _some(0 if preserved else 4, most)
    return gap + "".join(part + gap for part in preserved)


def _preserved(text: str, fixed: Sequence[str]) -> list[str]:
    """What is ``fixed``, other names and numbers, as they follow each other in ``text``."""
    known = [re.escape(part) for part in sorted(fixed, key=len, reverse=True)]
    matches = re.finditer("|".join([*known, _NUMBER, _NAME]), text)
    return list(dict.fromkeys(match[0] for match in matches))


def _start(text: str, value: str | None) -> str | None:
    """What a wrong answer keeps before its first free word."""
    if value is None:
        said = text.split()
        return " ".join(said[: max(1, len(said) // 2)]).rstrip(",;:") + " "
    match = _saying(value).search(text)
    return text[: match.start()] if match else None


def _core(value: str) -> str:
    return re.sub(r"^(?:an?|the) ", "", _sayable(value), flags=re.IGNORECASE)


def _saying(value: str) -> re.Pattern:
    """A value wherever it is said: without article, up to its comma (a town), inflected."""
    core = _core(value)
    forms = "|".join(re.escape(form) for form in (core, core.partition(",")[0]))
    return re.compile(rf"(?<!\w)(?:(?:an?|the) )?(?:{forms})(?:'?e?s)?(?!\w)", re.IGNORECASE)


def _still_said(text: str, value: str) -> bool:
    """Whether what is kept has all words of the value, as a title made of the author's name."""
    remaining = words(" ".join(_saying(value).split(text)))
    return set(words(_core(value).partition(",")[0])) <= set(remaining)


def _dealt(place: int, count: int, taken: Set[str]) -> str:
    """First letters and digits for the ``place``-th of ``count`` texts, none of them ``taken``."""
    free = (sorted(set(signs) - taken) for signs in (string.ascii_lowercase, string.digits[1:]))
    return "".join("".join(signs[place::count]) for signs in free)


def _other_value(text: str, value: str, firsts: str) -> str:
    """Other words wherever ``text`` says the value."""
    said = _saying(value)
    slots = [_slot(match[0], firsts) for match in said.finditer(text)]
    parts = [literal(part) for part in said.split(text)]
    return f"^{parts[0]}{''.join(map(str.__add__, slots, parts[1:]))}$"


def _other_end(text: str, start: str, firsts: str) -> str:
    """About as many free words as ``text`` has behind its ``start``."""
    rest = len(text.split()) - len(start.split())
    return f"^{literal(start)}{_word(firsts, both=True)}{_some(max(0, rest - 3), rest + 2)}\\.$"


def _slot(value: str, firsts: str) -> str:
    """Free words for a value: numbers for numbers, names for names, commas where it has them."""
    first, *others = [part for part in value.split(", ") if part.strip()]
    return ", ".join([_part(first, firsts), *(_part(other, _ANY) for other in others)])


def _part(part: str, firsts: str) -> str:
    """Word for word where there are numbers; else one word to one more than there are."""
    head, *rest = part.split()
    if re.search(r"\d", part):
        return " ".join([_figure(head, firsts), *(_figure(word, "") for word in rest)])
    more = f"( ({_CAPITAL}|{_SMALL})){{0,{len(rest) + 1}}}"
    return _word(firsts, capital=head[:1].isupper()) + more


def _figure(word: str, firsts: str) -> str:
    """A number of as many digits, but of a day one; without ``firsts`` of the same century."""
    digits = re.sub(r"\D", "", word)
    if not digits:
        return _word(firsts or _ANY, capital=word[:1].isupper())
    first = "".join(char for char in firsts if char.isdigit()) or "1-9"
    if len(digits) <= 2:
        return f"[{first}]"
    start = f"[{first}][0-9]" if firsts else digits[:2]
    return f"{start}[0-9]{{{len(digits) - 2}}}"


def _word(firsts: str, capital: bool = False, both: bool = False) -> str:
    letters = "".join(char for char in firsts if char.isalpha())
    signs = letters + letters.upper() if both else letters.upper() if capital else letters
    return f"[{signs}][a-z]{{1,11}}"
