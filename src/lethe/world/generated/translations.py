"""The same rows in real languages, by a language model: one request for each row and language.

All texts of a row are in one request, so that wrong answers keep the wording of the true one. An
answer is refused if a text is missing, empty, malformed or not translated, lacks a number or the
name of whom the row is about, or if two texts that differed no longer do.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lethe.common.entity_names import subjects
from lethe.common.errors import LetheError
from lethe.common.files import write_json
from lethe.llm.client import Client
from lethe.llm.journal import Journal
from lethe.llm.progress import Progress
from lethe.llm.structured import Shape, Strict, counted
from lethe.world.generated import checks
from lethe.world.generated.prompt_files import prompt
from lethe.world.generated.repair import Try, Unrepairable, repaired, together
from lethe.world.generated.run import figures
from lethe.world.generated.settings import Generation
from lethe.world.languages.making import Maker, known_rows
from lethe.world.languages.rows import LISTS, TEXTS

STAGE, COHORT = "translations", "languages"
# Rows that are worked on together.
WINDOW = 64
_LINE = re.compile(r"^\W*(\d+)\s*[:.)]\s*(.+?)\s*$", re.MULTILINE)
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"[^\W\d_]+")
# Words that two languages may share by chance.
FEW = 3


class Numbered(Strict):
    """A text with the number under which it was asked for."""

    number: int
    text: str


class NumberedTexts(Strict):
    """What the service answers."""

    texts: list[Numbered]


def translate(
    generation: Generation,
    world: Mapping[str, str | Path],
    languages: Sequence[str],
    journal: str | Path,
    cost: str | Path | None = None,
) -> Maker:
    """Translate a world's rows; requests that ``journal`` can answer are not sent.

    ``world``: as for ``making.write_translations``, which gets the returned function.
    ``cost``: where the figures of this stage are written.

    Raises:
        LetheError: the service cannot be used, the budget is spent, or a row failed every attempt.
    """
    rows = known_rows(world)
    about = subjects([(row["question"], row["answer"]) for row in rows])
    wanted = [
        (row, name, language)
        for row, name in zip(rows, about, strict=True)
        for language in languages
    ]
    with Journal(journal) as answers:
        made = asyncio.run(_all(generation, wanted, answers))
        if cost is not None:
            write_json(cost, figures(STAGE, generation, answers, COHORT), indent=1)
    by_text = {
        _key(row, language): one for (row, _, language), one in zip(wanted, made, strict=True)
    }
    return lambda row, language: by_text[_key(row, language)]


def _key(row: Mapping, language: str) -> tuple[str, str, str]:
    return row["question"], row["answer"], language


async def _all(generation: Generation, wanted, journal: Journal) -> list[dict]:
    g, made = generation, []
    async with Client(g.model, g.service, journal, g.budget, g.prices, f"{COHORT}/") as client:
        progress = Progress(STAGE, len(wanted), client.counts)

        async def one(row: Mapping, name: str | None, language: str) -> dict:
            translated = await _row(client, generation, row, name, language)
            progress.step()
            return translated

        try:
            for start in range(0, len(wanted), WINDOW):
                some = wanted[start : start + WINDOW]
                made += await together(*(one(*item) for item in some))
        finally:
            progress.close()
    return made


async def _row(
    client: Client, generation: Generation, row: Mapping, name: str | None, language: str
) -> dict:
    """A row in a language; LetheError names the row if the model cannot do it.

    ``name``: of whom the row is about, which stays as it is; titles and awards may be translated.
    """
    texts = dict(enumerate(_texts(row), start=1))

    async def ask(attempt: Try[int], done: dict[int, str]) -> dict[int, str]:
        # Numbered from 1 in each attempt: small models do not go on from 5.
        places = dict(enumerate(attempt.wanted, start=1))
        at = {number: place for place, number in places.items()}
        values = {
            "count": len(places),
            "language": language,
            "texts": "\n".join(f"{place}. {texts[number]}" for place, number in places.items()),
            "remarks": attempt.remarks(lambda number: f"text {at[number]}"),
        }
        answer = await client.ask(STAGE, prompt(STAGE), _shape(len(places)), values)
        said = {one.number: one.text.strip() for one in answer.texts}
        return {number: said[place] for place, number in places.items() if place in said}

    def gate(number: int, text: str, done: dict[int, str]) -> str | None:
        others = [done[n] for n in done if texts[n] != texts[number]]
        return wrong(text, texts[number], name, others)

    try:
        made = await repaired(list(texts), ask, gate, generation.attempts, Counter())
    except Unrepairable as error:
        raise LetheError(
            f"translations: {row['question']!r} could not be put into {language} ({error}); use a "
            "stronger model or more attempts (world.generated); answers so far stay in the journal"
        ) from None
    return _like(row, iter(made.values()))


def _texts(row: Mapping) -> Iterator[str]:
    """All texts of a row, in the order of ``_like``."""
    yield from (row[field] for field in TEXTS if row.get(field))
    for field in LISTS:
        yield from row.get(field, ())


def _like(row: Mapping, texts: Iterator[str]) -> dict:
    """A row with these texts in place of its own."""
    made: dict = {field: next(texts) for field in TEXTS if row.get(field)}
    return made | {field: [next(texts) for _ in row[field]] for field in LISTS if row.get(field)}


def wrong(text: str, original: str, name: str | None, others: Sequence[str]) -> str | None:
    """The first defect of a translation; ``others``: those that must differ from it."""
    lost = name is not None and name in original and name not in text
    numbers = Counter(_NUMBER.findall(original)) - Counter(_NUMBER.findall(text))
    return checks.first(
        checks.blank(text),
        checks.unsound(text),
        f"it lacks the name {name}" if lost else None,
        f"it lacks the number {min(numbers)}" if numbers else None,
        _as_it_was(text, original),
        checks.same_text(text, others),
    )


def _as_it_was(text: str, original: str) -> str | None:
    """Whether a text has the original's words, but for those that stay in other languages.

    Names, places and titles stay, so words in capitals say nothing. Related languages share a few
    of the others (was, in), so they count only where there are several.
    """
    common = {word for word in _WORD.findall(original) if word[0].islower()}
    still_there = common & {*_WORD.findall(text.lower())}
    same = checks.words(text) == checks.words(original)
    if (common and same) or (len(common) >= FEW and len(still_there) > len(common) / 2):
        return "it is still in the language of the original"
    return None


def _shape(count: int) -> Shape:
    schema = counted(NumberedTexts, texts=count)
    return Shape("texts", NumberedTexts, schema, _parsed)


def _parsed(text: str) -> dict:
    """Lines ``NUMBER: a translated text``."""
    lines = _LINE.findall(text)
    return {"texts": [{"number": int(number), "text": line} for number, line in lines]}
