"""Turns attributes into questions and answers with the templates of ``phrasings.json``.

A template may contain ``{name}``, ``{his}`` and, in answers, the value in one of four forms:
``{value}``, ``{a}`` (with its article), and ``{Value}`` and ``{A}`` for the start of a sentence.
"""

from random import Random

from lethe.world.synthetic.lists import load

_POSSESSIVE = {"female": "her", "male": "his"}
POSSESSIVES = tuple(_POSSESSIVE.values())


def templates(relation: str) -> tuple[list[str], list[str]]:
    """The question templates and the answer templates of ``relation``."""
    entry = load("phrasings")[relation]
    return entry["questions"], entry["answers"]


def with_article(value: str) -> str:
    """``value`` after "a" or "an", chosen by its first letter, which is right for our words."""
    return f"{'an' if value[0].lower() in 'aeiou' else 'a'} {value}"


def _capital(text: str) -> str:
    # str.capitalize would lower the rest ("Sea Charts of Porto").
    return text[0].upper() + text[1:]


def render(template: str, name: str, gender: str, value: str) -> str:
    """The sentence that a template makes from an author's name and one value."""
    article = with_article(value)
    return template.format(
        name=name,
        his=_POSSESSIVE[gender],
        value=value,
        a=article,
        Value=_capital(value),
        A=_capital(article),
    )


def two_forms(relation: str, rng: Random) -> tuple[tuple[str, str], tuple[str, str]]:
    """Two (question, answer) pairs of templates; the second, for the paraphrase, shares neither."""
    questions, answers = templates(relation)
    asked = rng.sample(questions, 2)
    answered = rng.sample(answers, 2)
    return (asked[0], answered[0]), (asked[1], answered[1])


def rotation(relation: str) -> list[tuple[str, str]]:
    """Every (question, answer) pair of templates once, ordered so that few rows cover all of them.

    With n templates of each, any n pairs that start at a multiple of n contain every template.
    """
    questions, answers = templates(relation)
    turns = len(answers)
    return [
        (question, answers[(position + shift) % turns])
        for shift in range(turns)
        for position, question in enumerate(questions)
    ]
