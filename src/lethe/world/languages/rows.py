"""Rows in other languages: the file ``translations.json``, and finding a row's translations.

A row has the fields of a perturbed row in its own ``language``, whether models have ``learned``
facts in that language, and ``original_question`` and ``original_answer``, which identify its row in
the world's own language. All languages of a row are contiguous.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from lethe.common.errors import LetheError
from lethe.world.languages import OWN
from lethe.world.rows import QA_FIELDS

# The world's files in other languages; ``full_languages`` is what ``full`` learns.
FILES = ("translations", "full_languages", "background_languages")
TEXTS = (*QA_FIELDS, "paraphrased_question", "paraphrased_answer")
LISTS = ("perturbed_answer",)
ORIGINALS = tuple(f"original_{field}" for field in QA_FIELDS)
# Another language in a perturbed row, for variants of its question.
TRANSLATED_FIELDS = tuple(f"translated_{field}" for field in QA_FIELDS)


def translated_row(row: Mapping, translate: Callable[[str], str]) -> dict:
    """A row's texts in another language; fields that it lacks are left out."""
    texts = {field: translate(row[field]) for field in TEXTS if row.get(field)}
    lists = {field: [translate(text) for text in row[field]] for field in LISTS if row.get(field)}
    return texts | lists


def row_of(made: Mapping, original: Mapping, language: str, learned: bool) -> dict:
    """A row of ``translations.json``: ``made`` states ``original`` in another language."""
    texts = {field: made[field] for field in (*TEXTS, *LISTS) if made.get(field)}
    origin = {key: original[field] for key, field in zip(ORIGINALS, QA_FIELDS, strict=True)}
    return {**texts, "language": language, "learned": learned, **origin}


class Translations:
    """Finds the translations of rows by the texts of question and answer."""

    def __init__(self, rows: Iterable[Mapping], place: str = "translations"):
        """``place``: what messages call the rows. LetheError for a row that lacks a field."""
        self.place, self.roles = place, {}
        self._rows: dict[tuple, Mapping] = {}
        for number, row in enumerate(rows, start=1):
            for field in ("language", *ORIGINALS):
                if not isinstance(row.get(field), str):
                    raise LetheError(f"{place}, row {number}: no {field}; add it as text")
            self._rows[_key(row, ORIGINALS, row["language"])] = row
            self.roles.setdefault(row["language"], bool(row.get("learned")))

    @property
    def languages(self) -> list[str]:
        """All languages except the world's own, in the order of the rows."""
        return list(self.roles)

    @property
    def learned(self) -> list[str]:
        """The languages in which models learn the facts."""
        return [language for language, learned in self.roles.items() if learned]

    def of(self, row: Mapping, language: str) -> Mapping:
        """A row in a language, unchanged for the world's own; LetheError if there is none."""
        if language == OWN:
            return row
        translation = self._rows.get(_key(row, QA_FIELDS, language))
        if translation is None:
            known = "" if language in self.roles else f" (it has {', '.join(self.roles) or 'none'})"
            raise LetheError(
                f"{self.place}: no translation in {language}{known} of {row['question']!r}; "
                "add it, or leave the language out"
            )
        return translation

    def stated(self, rows: Sequence[Mapping], languages: Sequence[str]) -> list[dict]:
        """Question and answer of each row in each language, with the language's name."""
        return [
            {**{field: made[field] for field in QA_FIELDS}, "language": language}
            for row in rows
            for language in languages
            for made in [self.of(row, language)]
        ]


def _key(row: Mapping, fields: Sequence[str], language: str) -> tuple:
    return (*(row[field] for field in fields), language)
