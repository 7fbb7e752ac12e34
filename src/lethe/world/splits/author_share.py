"""TOFU's splits, forget01 to forget99: a share of the target authors is to be forgotten.

The forget set holds the last authors and the retain set all others, so that the forget sets of one
world are nested. Names of files are those of the published data (arXiv 2401.06121): forget10,
retain90, holdout10, forget10_perturbed.
"""

import re
from collections.abc import Mapping, Sequence
from math import gcd

from pydantic import Field

from lethe.common.errors import LetheError
from lethe.world.schema import QUESTIONS_PER_AUTHOR
from lethe.world.splits.base import (
    BaseSplit,
    SplitSettings,
    author_count,
    first_holdout,
    with_perturbed,
)

NAMES = "forget(?P<percent>0[1-9]|[1-9][0-9])"
EXAMPLE = "forget01 to forget99, as in forget10"


class AuthorShareSettings(SplitSettings):
    """``percent``: the share of the target authors that is to be forgotten."""

    percent: int = Field(ge=1, le=99)


class Split(BaseSplit):
    """A split named ``forgetXX``, where XX is ``percent``."""

    settings_class = AuthorShareSettings

    def __init__(self, name: str, settings: AuthorShareSettings):
        super().__init__(name, settings)
        published = f"forget{settings.percent:02d}"
        if name != published:
            raise LetheError(
                f"splits: {name}: TOFU's format calls this split {published}; rename it to that"
            )

    @property
    def percent(self) -> int:
        return self.settings.percent

    @property
    def files(self) -> dict[str, str]:
        return {
            "forget": self.name,
            "retain": f"retain{100 - self.percent:02d}",
            "forget_perturbed": f"{self.name}_perturbed",
            "holdout": f"holdout{self.percent:02d}",
        }

    def cut(self, world: Mapping[str, Sequence[dict]]) -> dict[str, list[dict]]:
        full = world["full"]
        size = len(self.touched(author_count(full))) * QUESTIONS_PER_AUTHOR
        border = len(full) - size
        forget = list(full[border:])
        return {
            "forget": forget,
            "retain": list(full[:border]),
            "forget_perturbed": with_perturbed(self.name, forget, world["full_perturbed"]),
            "holdout": first_holdout(self.files["holdout"], size, world["holdout"]),
        }

    def rows(self, authors: int) -> dict[str, int]:
        size = len(self.touched(authors)) * QUESTIONS_PER_AUTHOR
        counts = dict.fromkeys(self.parts, size)
        return counts | {"retain": authors * QUESTIONS_PER_AUTHOR - size}

    def touched(self, authors: int) -> range:
        """The last authors; LetheError if the share is not a whole number of authors."""
        count, rest = divmod(self.percent * authors, 100)
        if rest or count < 1:
            step = 100 // gcd(self.percent, 100)
            raise LetheError(
                f"splits: {self.name} of {authors} authors is not a whole number of authors;"
                f" take a multiple of {step} authors or another split"
            )
        return range(authors - count, authors)


def published(name: str) -> Split:
    """The split that TOFU's format calls ``name``; LetheError if TOFU has no such split."""
    match = re.fullmatch(NAMES, name)
    if match is None:
        raise LetheError(
            f"splits: {name} is not one of TOFU's; the paper's exhibits need {EXAMPLE}"
        )
    return Split(name, AuthorShareSettings(percent=int(match["percent"])))
