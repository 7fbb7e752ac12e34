"""Writes a world's files in several languages: translations, what ``full`` learns, background."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import write_rows
from lethe.world.languages import OWN, by_rule
from lethe.world.languages.rows import Translations, row_of, translated_row
from lethe.world.rows import read_qa

# A function from a row and a language to the row in that language.
Maker = Callable[[Mapping, str], Mapping]


def by_rules(seed: int) -> Maker:
    """Makes rows in the languages of the synthetic world with this seed."""
    return lambda row, language: translated_row(
        row, lambda text: by_rule.translated(text, language, seed)
    )


def from_file(path: str | Path) -> Maker:
    """Takes rows from a file like ``translations.json``; LetheError where one is missing."""
    known = Translations(read_qa(path), str(path))
    return known.of


def write_translations(
    make: Maker,
    world: Mapping[str, str | Path],
    learned: Sequence[str],
    holdout: Sequence[str],
    translations: str | Path,
    full_languages: str | Path,
) -> None:
    """Write every row of target and holdout authors in each language, and what ``full`` learns.

    ``world``: the files ``full``, ``full_perturbed`` and ``holdout``. ``full_languages`` has the
    rows of ``full`` in the world's own language and those ``learned``. Holdout authors that a
    language lacks are left out: only splits that give this language to the unlearner need them.
    """
    full, unseen = read_qa(world["full"]), read_qa(world["holdout"], empty=True)
    rows = _richest(world, full)
    languages = (*learned, *holdout)
    made = [
        row_of(make(row, language), row, language, language in learned)
        for row in rows
        for language in languages
    ]
    for row in unseen:
        for language in languages:
            with suppress(LetheError):
                made.append(row_of(make(row, language), row, language, language in learned))
    stated = Translations(made).stated(full, [OWN, *learned])
    write_rows(translations, made)
    write_rows(full_languages, stated)


def known_rows(world: Mapping[str, str | Path]) -> list[dict]:
    """The rows that ``write_translations`` puts into other languages, in its order."""
    return [*_richest(world, read_qa(world["full"])), *read_qa(world["holdout"], empty=True)]


def _richest(world: Mapping[str, str | Path], full: Sequence[dict]) -> list[dict]:
    """The rows of ``full``, with paraphrases and wrong answers where they exist."""
    richer = {(row["question"], row["answer"]): row for row in read_qa(world["full_perturbed"])}
    return [richer.get((row["question"], row["answer"]), row) for row in full]


def write_background(
    out: str | Path, background: str | Path, languages: Sequence[str], seed: int
) -> None:
    """Write the rows of background authors, then all of them in each language made by rule."""
    make = by_rules(seed)
    rows = read_qa(background)
    write_rows(out, [*rows, *(dict(make(row, name)) for name in languages for row in rows)])
