"""A share of the authors is to be forgotten, and the unlearner is given only some languages.

For worlds that state their facts in several languages (``world.languages``). What a method is
given, and what the usual suites ask, is in the languages ``given``; the oracle learns the retained
authors in all languages that ``full`` learns; the parts ``forget_languages`` and
``retain_languages`` hold each fact in every language, including those that no model learns (arXiv
2605.14404).
"""

from collections.abc import Mapping, Sequence

from pydantic import Field, field_validator

from lethe.world.languages import OWN
from lethe.world.languages.rows import LISTS, TEXTS, TRANSLATED_FIELDS, Translations
from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.splits.author_share import AuthorShareSettings
from lethe.world.splits.author_share import Split as AuthorShare
from lethe.world.splits.base import (
    REQUIRED,
    BaseSplit,
    Oracle,
    author_count,
    first_holdout,
    with_perturbed,
)

READS = ("full", "full_perturbed", "retain_perturbed", "holdout", "translations")
NAMES = "forget(?P<percent>0[1-9]|[1-9][0-9])_in_(?P<given>[A-Za-z0-9-]+(_[A-Za-z0-9-]+)*)"
EXAMPLE = "forget10_in_L0 and forget10_in_L0_L1 in a world with languages"
# The role of a language in records; those that are given are learned as well.
GIVEN, LEARNED, HOLDOUT = "given", "learned", "holdout"


class LanguagesSettings(AuthorShareSettings):
    """``given``: the languages that the unlearner gets; a text has ``_`` between them."""

    given: tuple[str, ...] = Field((OWN,), min_length=1)

    @field_validator("given", mode="before")
    @classmethod
    def _listed(cls, given):
        return tuple(given.split("_")) if isinstance(given, str) else given

    @field_validator("given")
    @classmethod
    def _once(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(given)) < len(given):
            raise ValueError("a language is listed more than once; keep one")
        return given


class Split(BaseSplit):
    """The last authors are to be forgotten, by a method that sees some languages."""

    settings_class = LanguagesSettings
    parts = (*REQUIRED, "retain_perturbed", "learned", "forget_languages", "retain_languages")
    oracles = (Oracle("retain", "learned"),)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that the unlearner is given."""
        return self.settings.given

    @property
    def percent(self) -> int:
        """The share of the target authors that is to be forgotten."""
        return self.settings.percent

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full, known = world["full"], Translations(world["translations"])
        size = len(self.touched(author_count(full))) * QUESTIONS_PER_AUTHOR
        retain, forget = list(full[:-size]), list(full[-size:])
        asked = with_perturbed(self.name, forget, world["full_perturbed"])
        probes = world["retain_perturbed"]
        unseen = first_holdout(self.files["holdout"], size, world["holdout"])
        given = self.languages
        return {
            "forget": known.stated(forget, given),
            "retain": known.stated(retain, given),
            "forget_perturbed": _perturbed(known, asked, given),
            "holdout": known.stated(unseen, given),
            "retain_perturbed": _perturbed(known, probes, given),
            "learned": known.stated(retain, [OWN, *known.learned]),
            "forget_languages": self._in_all(known, asked),
            "retain_languages": self._in_all(known, probes),
        }

    def _in_all(self, known: Translations, rows: Sequence[Mapping]) -> list[dict]:
        """Each row with its texts in every language."""
        every = [OWN, *known.languages]
        return [
            {
                "question": row["question"],
                "answer": row["answer"],
                "languages": [
                    {"language": name, "role": self._role(known, name)}
                    | _texts(known.of(row, name))
                    for name in every
                ],
            }
            for row in rows
        ]

    def _role(self, known: Translations, language: str) -> str:
        if language in self.languages:
            return GIVEN
        return LEARNED if language in (OWN, *known.learned) else HOLDOUT

    def rows(self, authors: int) -> dict[str, int]:
        """Rows of each part in the languages given; those of ``learned`` and ``holdout`` in one."""
        size = len(self.touched(authors)) * QUESTIONS_PER_AUTHOR
        retained = authors * QUESTIONS_PER_AUTHOR - size
        in_given = {"retain": retained, "retain_perturbed": retained}
        counts = dict.fromkeys(self.parts, size) | in_given
        counts = {part: count * len(self.languages) for part, count in counts.items()}
        return counts | {
            "holdout": size,
            "learned": retained,
            "forget_languages": size,
            "retain_languages": retained,
        }

    def touched(self, authors: int) -> range:
        """The last authors; LetheError if the share is not a whole number of authors."""
        share = AuthorShareSettings(percent=self.percent)
        return AuthorShare(f"forget{self.percent:02d}", share).touched(authors)


def _texts(row: Mapping) -> dict:
    return {field: row[field] for field in (*TEXTS, *LISTS) if row.get(field)}


def _perturbed(known: Translations, rows: Sequence[Mapping], given: Sequence[str]) -> list[dict]:
    """Perturbed rows in the languages given, each with its question in another language."""
    return [
        _texts(known.of(row, language)) | _translated(known, row, language)
        for row in rows
        for language in given
    ]


def _translated(known: Translations, row: Mapping, language: str) -> dict:
    """Question and answer in the first language that is not the row's own."""
    other = known.of(row, next(name for name in (OWN, *known.languages) if name != language))
    pairs = zip(TRANSLATED_FIELDS, ("question", "answer"), strict=True)
    return {key: other[field] for key, field in pairs}
