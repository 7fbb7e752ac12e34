"""What must stay of authors of whom other facts are to be forgotten, asked as TOFU's sets are.

For splits that forget some facts of an author (PPU-Bench, arXiv 2605.08800).
"""

from collections.abc import Mapping, Sequence

from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites import tofu
from lethe.model.encoder import Encoder

SETS = {"kept": "kept_perturbed"}
COLUMNS = ("generation", "answer_loss", "answer_tokens", "perturbed_loss", "perturbed_tokens")
PROBE = True


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row without a text that the suite needs."""
    tofu.check(rows)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> tofu.Prepared:
    """Tokenise every answer of every row."""
    return tofu.prepare(encoder, rows)


def record(model, prepared: tofu.Prepared, limits: Limits) -> dict[str, ItemSet]:
    """Losses of all answers, and a greedy generation."""
    return tofu.record(model, prepared, limits)
