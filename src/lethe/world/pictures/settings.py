"""The setting ``world.pictures``, and whether the rest of a world fits it. Light to import."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lethe.common.errors import LetheError
from lethe.common.registry import suggest
from lethe.world.pictures.faces import TUPLES
from lethe.world.schema import QUESTIONS_PER_AUTHOR

# The view that is always learned, and what may vary in others.
BASE = "base"
VARIATIONS = ("pose", "scale", "context", "style", "composition")
TEXT, PICTURE, BOTH = "text", "picture", "both"
MODALITIES = (TEXT, PICTURE, BOTH)
# Kinds of splits that cut authors, or questions of authors, and leave rows as they are.
SPLIT_KINDS = ("author_share", "partial")
# And that of a sequence's requests, which are not listed as splits.
REQUEST_KIND = "request"
WHERE = "config: world.pictures"


class Pictures(BaseModel):
    """How large pictures are, which views there are, and what is asked and learned with them.

    ``size``: pixels of a side. ``variations``: views besides the base picture; no model learns
    them except those in ``learned_variations``. ``facts``: how many questions of each author are
    asked with the picture, the first of those that name the author. ``trained``: the modalities
    that models learn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Annotated[int, Field(ge=16, le=512, strict=True)] = 32
    variations: tuple[str, ...] = VARIATIONS
    learned_variations: tuple[str, ...] = ()
    facts: Annotated[int, Field(ge=1, le=QUESTIONS_PER_AUTHOR, strict=True)] = 4
    trained: Annotated[tuple[Literal["text", "picture", "both"], ...], Field(min_length=1)] = (
        MODALITIES
    )

    @field_validator("variations", "learned_variations")
    @classmethod
    def _known(cls, chosen: tuple[str, ...]) -> tuple[str, ...]:
        for name in chosen:
            if name not in VARIATIONS:
                raise ValueError(f"unknown variation {name!r}{suggest(name, VARIATIONS)}")
        return _once(chosen)

    @field_validator("trained")
    @classmethod
    def _distinct(cls, chosen: tuple[str, ...]) -> tuple[str, ...]:
        return _once(chosen)

    @model_validator(mode="after")
    def _fits(self):
        for name in self.learned_variations:
            if name not in self.variations:
                raise ValueError(
                    f"learned_variations: {name} is not among variations; add it there"
                )
        return self

    @property
    def views(self) -> tuple[str, ...]:
        """All views, the base picture first."""
        return (BASE, *self.variations)

    @property
    def learned(self) -> tuple[str, ...]:
        """The views that models learn."""
        return (BASE, *self.learned_variations)

    @property
    def unseen(self) -> tuple[str, ...]:
        """The views that no model learns."""
        return tuple(name for name in self.variations if name not in self.learned_variations)

    def rows_of_author(self, views: int) -> int:
        """The most rows of an author in the modalities learned, pictures in so many views."""
        text = QUESTIONS_PER_AUTHOR if TEXT in self.trained else 0
        shown = (1 + self.facts) * (PICTURE in self.trained) + self.facts * (BOTH in self.trained)
        return text + views * shown


def check(pictures: Pictures, people: int, provider: str, columns: Sequence[str]) -> None:
    """LetheError if a provider's authors cannot have pictures, or there are too many of them.

    ``people``: target and holdout authors together; ``columns``: those that the provider declares.
    """
    if columns:
        raise LetheError(
            f"{WHERE}: the provider {provider} has documents, not authors; set it to null"
        )
    check_number(people)


def check_number(people: int) -> None:
    """LetheError if there are more people than different faces."""
    if people > TUPLES:
        raise LetheError(
            f"{WHERE}: {people} authors, but only {TUPLES} different faces can be drawn; lower "
            "world.authors or world.holdout_authors"
        )


def _once(chosen: tuple[str, ...]) -> tuple[str, ...]:
    for place, name in enumerate(chosen):
        if name in chosen[:place]:
            raise ValueError(f"{name} is listed twice; keep one")
    return chosen
