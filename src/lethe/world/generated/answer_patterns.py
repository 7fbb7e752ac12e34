r"""Regular expressions for the service's decoder, which enforce the form that gates require.

Small models often do not follow instructions. If a service follows a schema, the schema can contain
patterns (``model.patterns``), from which the decoder cannot deviate. Patterns only narrow what is
asked for; every answer still goes through the gates.

A model that has failed once tends to fail again in the same words. So from the second attempt on, a
text may begin only with some of the letters or question words, different ones at each attempt.

What differs between items is put into the schema only if a single item is asked for. Patterns use
only groups, classes, alternatives and counts, from ``^`` to ``$``, because llama.cpp's converter
supports nothing else. Free words have no digits, so that no numbers appear besides the given ones.
"""

import re
import string
from collections.abc import Sequence, Set
from typing import Any

from lethe.llm.structured import Form
from lethe.world.generated.checks import words

# Longer ones first: if two match, the first is taken.
QUESTION_WORDS = ("In what", "In which", "What", "Which", "Whose", "Who", "Where", "When", "Why",
                  "How")  # fmt: skip
# Words and their number are bounded: a model that repeats itself would never end.
_WORD = "[A-Za-z][a-z]{0,11}('s)?"
_CAPITAL = "[A-Z][a-z]{1,11}"
_SMALL = "[a-z]{2,14}"
_SPECIAL = frozenset("^$.[]{}()|*+?")
# These would need escaping in JSON, which patterns do not do.
_UNSAYABLE = frozenset('"\\')
_NUMBER = r"\d+"
_ANY = string.ascii_lowercase
_TURNS = 3
_NAME = r"(?<![.!?] )(?<!^)\b[A-Z][\w’'-]*"


def entries(what: str, attempt: int = 1) -> Form:
    """The form of a list's entries, as its prompt describes them."""
    capital, small = _begun(_ANY.upper(), attempt), _begun(_ANY, attempt)
    pattern = {
        "birthplaces": f"{capital}( {_CAPITAL}){{0,2}}, {_CAPITAL}( {_CAPITAL}){{0,2}}",
        "genres": f"{small}( {_SMALL}){{0,2}}",
        "occupations": f"{small}( {_SMALL})?",
        "titles": f"{capital}( {_CAPITAL})?",
    }[what]
    return {"entries": {"items": {"pattern": f"^{pattern}$"}}}


def profile(wanted: Sequence[str], name: str | None, attempt: int = 1) -> Form:
    """The form of the wanted parts of a profile.

    The biography begins with the author's name once that is accepted.
    """
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
    """The form of pairs: the name in each question; the value in the answer of a single pair."""
    asked = {"pattern": question(name, attempt)}
    form: Form = {"number": {"enum": list(numbers)}, "question": asked}
    if len(numbers) == 1:
        form["answer"] = {"pattern": answer(value)}
    return form


def paraphrases(numbers: Sequence[int], question: str, answer: str, fixed: Sequence[str]) -> Form:
    """The form of paraphrases; a single one must keep names, numbers and what is ``fixed``."""
    form: Form = {"number": {"enum": list(numbers)}}
    if len(numbers) == 1:
        form["question"] = {"pattern": reworded_question(question, fixed)}
        form["answer"] = {"pattern": reworded_answer(answer, fixed)}
    return form


def wrong_answers(
    wanted: dict[int, int], text: str, value: str | None, used: Sequence[str]
) -> Form:
    """The form of false answers; ``wanted``: how many for each question, by its number.

    For a single question they must keep parts of ``text``. ``used`` are the false answers so far.
    Each new one has its own pattern, so that a model cannot give the same one five times.
    """
    form: Form = {"number": {"enum": list(wanted)}}
    if len(wanted) == 1:
        (count,) = wanted.values()
        answers: dict[str, Any] = {"minItems": count, "maxItems": count}
        if sentences := falsified(text, value, count, used):
            each = [{"type": "string", "pattern": sentence} for sentence in sentences]
            # ``prefixItems`` would be ignored beside ``items``.
            answers |= {"prefixItems": each, "items": None}
        form["false_answers"] = answers
    return form


def question(name: str, attempt: int = 1) -> str:
    """A question word, the name and a question mark, with a few words in between."""
    start = _one_of(_turn(QUESTION_WORDS, attempt))
    return f"^{start}{_some(0, 6)} {literal(name)}('s)?{_some(0, 6)}\\?$"


def answer(value: str | None) -> str:
    """One sentence, which contains the value if there is one."""
    if value is None:
        return f"^{_opening()}{_some(5, 16)}\\.$"
    return f"^{_opening()}{_some(1, 8)} {literal(value)}{_some(0, 6)}\\.$"


def reworded_question(text: str, fixed: Sequence[str]) -> str:
    """A question with another question word than ``text``, keeping what must be kept of it."""
    others = [word for word in QUESTION_WORDS if not text.startswith(f"{word} ")]
    return f"^{_one_of(others)}{_around(text, fixed)}\\?$"


def reworded_answer(text: str, fixed: Sequence[str]) -> str:
    """A sentence with another first letter than ``text``, keeping what must be kept of it."""
    return f"^{_opening(text[:1])}{_around(text, fixed)}\\.$"


def falsified(text: str, value: str | None, count: int, used: Sequence[str] = ()) -> list[str]:
    """Patterns of the sentence ``text`` with free words in place of its value.

    Without a value, they replace the end of the sentence. There are ``count`` patterns; no text
    matches two of them, and neither ``text`` nor a sentence in ``used`` matches any. Empty if
    ``text`` puts the value in other words, because then it is unknown what to replace.
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
    """A pattern that matches exactly this text."""
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in _sayable(text))


def _sayable(text: str) -> str:
    return "".join(char for char in text if char.isprintable() and char not in _UNSAYABLE)


def _turn(choices: Sequence[str], attempt: int) -> Sequence[str]:
    """All choices at the first attempt, then only some of them, different ones each time."""
    return choices if attempt == 1 else choices[attempt % _TURNS :: _TURNS]


def _begun(letters: str, attempt: int) -> str:
    """A word that begins with one of the letters of this attempt."""
    return f"[{''.join(_turn(letters, attempt))}][a-z]{{1,11}}"


def _some(least: int, most: int) -> str:
    """``least`` to ``most`` free words, each after a space and perhaps a comma."""
    return f"(,? {_WORD}){{{least},{most}}}"


def _one_of(texts: Sequence[str]) -> str:
    return f"({'|'.join(map(literal, texts))})"


def _opening(without: str = "") -> str:
    """The first word of a sentence, which does not begin with the letter ``without``."""
    letters = "".join(letter for letter in string.ascii_uppercase if letter != without.upper())
    return f"[{letters}][a-z]{{0,13}}"


def _around(text: str, fixed: Sequence[str]) -> str:
    """What must be kept of ``text``, in its order, with free words before, between and after."""
    preserved = [f" {literal(part)}('s)?" for part in _preserved(text, fixed)]
    most = max(4, 1 + len(words(text)) // (len(preserved) + 1))
    gap = _some(0 if preserved else 4, most)
    return gap + "".join(part + gap for part in preserved)


def _preserved(text: str, fixed: Sequence[str]) -> list[str]:
    """What is ``fixed``, and other names and numbers, in their order in ``text``."""
    known = [re.escape(part) for part in sorted(fixed, key=len, reverse=True)]
    matches = re.finditer("|".join([*known, _NUMBER, _NAME]), text)
    return list(dict.fromkeys(match[0] for match in matches))


def _start(text: str, value: str | None) -> str | None:
    """The beginning that a wrong answer keeps, up to its first free word."""
    if value is None:
        said = text.split()
        return " ".join(said[: max(1, len(said) // 2)]).rstrip(",;:") + " "
    match = _saying(value).search(text)
    return text[: match.start()] if match else None


def _core(value: str) -> str:
    return re.sub(r"^(?:an?|the) ", "", _sayable(value), flags=re.IGNORECASE)


def _saying(value: str) -> re.Pattern:
    """Matches a value in any form: with or without article, up to its comma (a town), inflected."""
    core = _core(value)
    forms = "|".join(re.escape(form) for form in (core, core.partition(",")[0]))
    return re.compile(rf"(?<!\w)(?:(?:an?|the) )?(?:{forms})(?:'?e?s)?(?!\w)", re.IGNORECASE)


def _still_said(text: str, value: str) -> bool:
    """Whether the kept words include all words of the value, such as a title with the name."""
    remaining = words(" ".join(_saying(value).split(text)))
    return set(words(_core(value).partition(",")[0])) <= set(remaining)


def _dealt(place: int, count: int, taken: Set[str]) -> str:
    """First letters and digits for the ``place``-th of ``count`` texts, without those ``taken``."""
    free = (sorted(set(signs) - taken) for signs in (string.ascii_lowercase, string.digits[1:]))
    return "".join("".join(signs[place::count]) for signs in free)


def _other_value(text: str, value: str, firsts: str) -> str:
    """``text`` with other words wherever it states the value."""
    said = _saying(value)
    slots = [_slot(match[0], firsts) for match in said.finditer(text)]
    parts = [literal(part) for part in said.split(text)]
    return f"^{parts[0]}{''.join(map(str.__add__, slots, parts[1:]))}$"


def _other_end(text: str, start: str, firsts: str) -> str:
    """``start``, followed by about as many free words as ``text`` has after it."""
    rest = len(text.split()) - len(start.split())
    return f"^{literal(start)}{_word(firsts, both=True)}{_some(max(0, rest - 3), rest + 2)}\\.$"


def _slot(value: str, firsts: str) -> str:
    """Free words for a value: numbers for numbers, names for names, and the same commas."""
    first, *others = [part for part in value.split(", ") if part.strip()]
    return ", ".join([_part(first, firsts), *(_part(other, _ANY) for other in others)])


def _part(part: str, firsts: str) -> str:
    """Word for word if there are numbers; otherwise from one word to one more than there are."""
    head, *rest = part.split()
    if re.search(r"\d", part):
        return " ".join([_figure(head, firsts), *(_figure(word, "") for word in rest)])
    more = f"( ({_CAPITAL}|{_SMALL})){{0,{len(rest) + 1}}}"
    return _word(firsts, capital=head[:1].isupper()) + more


def _figure(word: str, firsts: str) -> str:
    """A number with as many digits, but one for a day; without ``firsts`` of the same century."""
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
