"""Splits of a world: which authors are to be forgotten, and the files cut accordingly.

As in TOFU, the forget set holds the last authors and the retain set all others, so that the forget
sets of one world are nested.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from lethe.common.errors import LetheError
from lethe.world.schema import QUESTIONS_PER_AUTHOR

_NAME = re.compile(r"forget([0-9][0-9])")


@dataclass(frozen=True)
class Split:
    """A split named ``forgetXX``: XX ``percent`` of the target authors are to be forgotten."""

    name: str
    percent: int

    @property
    def retain(self) -> str:
        return f"retain{100 - self.percent:02d}"

    @property
    def holdout(self) -> str:
        return f"holdout{self.percent:02d}"

    @property
    def perturbed(self) -> str:
        return f"{self.name}_perturbed"

    @property
    def parts(self) -> dict[str, str]:
        """The names of the split's files by the part that they play."""
        return {
            "forget": self.name,
            "forget_perturbed": self.perturbed,
            "retain": self.retain,
            "holdout": self.holdout,
        }


def parse_split(name: str) -> Split:
    """The split called ``name``; LetheError unless it is one of forget01 to forget99."""
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None or int(match[1]) == 0:
        raise LetheError(f"splits: {name!r} is no split; use forget01 to forget99, as in forget10")
    return Split(name, int(match[1]))


def forget_authors(split: Split, authors: int) -> int:
    """How many of ``authors`` target authors ``split`` forgets.

    Raises:
        LetheError: the share is not a whole number of authors.
    """
    count, rest = divmod(split.percent * authors, 100)
    if rest or count < 1:
        step = 100 // gcd(split.percent, 100)
        raise LetheError(
            f"splits: {split.name} of {authors} authors is not a whole number of authors;"
            f" take a multiple of {step} authors or another split"
        )
    return count


def cut(
    split: Split,
    full_rows: Sequence[dict],
    full_perturbed_rows: Sequence[dict],
    holdout_rows: Sequence[dict],
) -> dict[str, list[dict]]:
    """The rows of the split's four files, by file name without suffix.

    ``forgetXX`` has the last authors, ``retainYY`` the first, ``forgetXX_perturbed`` the rows of
    ``forgetXX`` in their order, ``holdoutXX`` as many authors as are forgotten (none where the
    world has no holdout).

    Raises:
        LetheError: the rows cannot be split so, or a forget row has no perturbed row.
    """
    authors, rest = divmod(len(full_rows), QUESTIONS_PER_AUTHOR)
    if rest:
        raise LetheError(
            f"splits: full has {len(full_rows)} rows, not a multiple of {QUESTIONS_PER_AUTHOR};"
            " delete the world's folder to have it made again"
        )
    size = forget_authors(split, authors) * QUESTIONS_PER_AUTHOR
    border = len(full_rows) - size
    forget = list(full_rows[border:])
    return {
        split.name: forget,
        split.retain: list(full_rows[:border]),
        split.perturbed: _matching(split, forget, full_perturbed_rows),
        split.holdout: _holdout(split, size, holdout_rows),
    }


class TextIndex:
    """Finds the row of another file with the same question and answer, by their texts.

    The question alone would not do: TOFU asks one question about two authors.
    """

    def __init__(self, rows: Sequence[dict]):
        self._rows = {_key(row): row for row in rows}

    def find(self, row: dict) -> dict | None:
        """The indexed row with the texts of ``row``, or None."""
        return self._rows.get(_key(row))


def _key(row: dict) -> tuple[str, str]:
    return row["question"], row["answer"]


def _matching(split: Split, forget: list[dict], perturbed: Sequence[dict]) -> list[dict]:
    index = TextIndex(perturbed)
    found = [index.find(row) for row in forget]
    missing = sum(row is None for row in found)
    if missing:
        raise LetheError(
            f"splits: {missing} of {len(forget)} rows of {split.name} have no paraphrase or"
            " perturbed answers in full_perturbed; use a split that the world's source covers"
        )
    return found


def _holdout(split: Split, size: int, rows: Sequence[dict]) -> list[dict]:
    if rows and len(rows) < size:
        raise LetheError(
            f"splits: {split.holdout} needs {size // QUESTIONS_PER_AUTHOR} holdout authors, the"
            f" world has {len(rows) // QUESTIONS_PER_AUTHOR}; raise the number of holdout authors"
        )
    return list(rows[:size])
