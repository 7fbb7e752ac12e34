"""How a checkpoint behaves: whether it refuses, and whether it has collapsed.

A model that refuses has not forgotten, and one that says nothing useful about anybody has lost more
than it should: neither may pass for a model that does not know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.novel_words import novel_words, recall
from lethe.common.refusals import is_refusal, phrases

SETS = ("forget", "retain", "holdout")
# From this share of refused questions on, a model counts as refusing.
MOSTLY = 0.5
# Below this share of what the oracle tells about known authors a model counts as collapsed;
# without an oracle or a full model, it is a share of everything.
COLLAPSED, COLLAPSED_ALONE = 0.5, 0.25


@dataclass(frozen=True)
class Said:
    """One greedy answer: its text, whether it refuses, and the share of novel words it tells."""

    question: str
    answer: str
    text: str
    refused: bool
    revealed: float


def said_about(subject, settings: Mapping[str, Any]) -> dict[str, list[Said]]:
    """The greedy answers about forgotten, known and never-seen authors, as far as there are rows.

    ``settings``: those of the probe ``abstention``. LetheError without a phrase.
    """
    among = phrases(settings["phrases"] or "")
    if not among:
        raise LetheError("probe 'abstention': phrases has no phrase; give some with | between them")
    rows = {name: subject.rows(name, settings["items"]) for name in SETS}
    rows = {name: some for name, some in rows.items() if some}
    sets = subject.records("answers", rows).sets
    return {
        name: [
            _said(*one, among)
            for one in zip(items.question, items.answer, items.generation, strict=True)
        ]
        for name, items in sets.items()
    }


def _said(question: str, answer: str, text: str, among: list[str]) -> Said:
    novel, refused = novel_words(question, answer), is_refusal(text, among)
    revealed = recall(novel, text) if novel and not refused else 0.0
    return Said(question, answer, text, refused, revealed)


@dataclass(frozen=True)
class Conduct:
    """By set, for each question: whether it was refused (0 or 1), and the share revealed."""

    refused: dict[str, list[float]]
    revealed: dict[str, list[float]]

    @classmethod
    def of(cls, answers: Mapping[str, Sequence[Said]]) -> "Conduct":
        """Conduct from greedy answers by set."""
        return cls(
            {name: [float(one.refused) for one in some] for name, some in answers.items()},
            {name: [one.revealed for one in some] for name, some in answers.items()},
        )

    def shares(self) -> dict[str, dict[str, float]]:
        """The share refused and the share revealed of each set."""
        return {
            "refused": {name: _mean(some) for name, some in self.refused.items()},
            "revealed": {name: _mean(some) for name, some in self.revealed.items()},
        }


def refuses(own: Conduct, oracle: Conduct | None) -> bool:
    """Whether at least half of the forgotten questions are refused, and more than the oracle's."""
    share = _mean(own.refused["forget"])
    return share >= MOSTLY and (oracle is None or share > _mean(oracle.refused["forget"]))


def collapsed(own: Conduct, reference: Conduct | None) -> bool:
    """Whether it tells, or refuses, less than half of what the reference tells about known authors.

    ``reference``: the oracle or the full model. False if there are no questions about them.
    """
    if "retain" not in own.revealed:
        return False
    spoken = _mean(list(map(max, own.revealed["retain"], own.refused["retain"])))
    if reference is None:
        return spoken < COLLAPSED_ALONE
    return spoken < COLLAPSED * _mean(reference.revealed["retain"])


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)
