"""The given share of a behaviour, and the rest of it, asked as TOFU's sets are.

For splits that give methods only a share of what should go (arXiv 2604.07962).
"""

from collections.abc import Mapping, Sequence

from lethe.evaluate.records import ItemSet
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites import tofu
from lethe.model.encoder import Encoder

SETS = {"given": "forget_perturbed", "rest": "rest_perturbed"}
COLUMNS = ("generation", "answer_loss", "answer_tokens", "perturbed_loss", "perturbed_tokens")
PROBE = True
# If all of a behaviour is given, nothing is left.
OPTIONAL = ("rest",)


def check(rows: Mapping[str, Sequence[dict]]) -> None:
    """LetheError names the first row without a text that the suite needs."""
    tofu.check(rows)


def prepare(encoder: Encoder, rows: Mapping[str, Sequence[dict]]) -> tofu.Prepared:
    """Tokenise every answer of every row."""
    return tofu.prepare(encoder, rows)


def record(model, prepared: tofu.Prepared, limits: Limits) -> dict[str, ItemSet]:
    """Losses of all answers, and a greedy generation."""
    return tofu.record(model, prepared, limits)
