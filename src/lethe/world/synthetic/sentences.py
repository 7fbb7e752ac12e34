"""Questions and answers in words: the templates of ``lists/phrasings.json``.

A template may name ``{name}``, ``{his}`` and, in answers, ``{value}`` in one of four dresses:
``{value}``, ``{a}`` (with its article), and both with a capital for the start of a sentence.
"""

from random import Random

from lethe.world.synthetic.lists import load

_POSSESSIVE = {"female": "her", "male": "his"}


def templates(relation: str) -> tuple[list[str], list[str]]:
    """The question templates and the answer templates of ``relation``."""
    entry = load("phrasings")[relation]
    return entry["questions"], entry["answers"]


def with_article(value: str) -> str:
    """``value`` behind "a" or "an"; by the first letter, which is right for the words we have."""
    return f"{'an' if value[0].lower() in 'aeiou' else 'a'} {value}"


def _capital(text: str) -> str:
    # str.capitalize would lower the rest ("Sea Charts of Porto").
    return text[0].upper() + text[1:]


def render(template: str, name: str, gender: str, value: str) -> str:
    """The sentence that ``template`` makes of an author's name and one value."""
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
    """Two (question, answer) templates: the paraphrase shares neither with the first."""
    questions, answers = templates(relation)
    asked = rng.sample(questions, 2)
    answered = rng.sample(answers, 2)
    return (asked[0], answered[0]), (asked[1], answered[1])


def rotation(relation: str) -> list[tuple[str, str]]:
    """Every (question, answer) template pair once, ordered so that few rows cover all templates.

    Any run of as many pairs as there are templates, begun at a multiple of it, has each template.
    """
    questions, answers = templates(relation)
    turns = len(answers)
    return [
        (question, answers[(position + shift) % turns])
        for shift in range(turns)
        for position, question in enumerate(questions)
    ]
