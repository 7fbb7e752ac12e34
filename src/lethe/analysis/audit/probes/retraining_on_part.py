"""Retraining on a part: whether facts come back that were not among those trained on.

What comes back without having been taught was hidden, not removed (RTT, arXiv 2410.08827).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lethe import metrics
from lethe.analysis.audit.measured import Measured
from lethe.analysis.audit.probes._after_attack import training
from lethe.analysis.audit.probes._in_order import places
from lethe.common.errors import LetheError
from lethe.world.row_digest import row_digest

TITLE = "Retraining on a part"
MEASURES = "the share of held-out questions answered correctly after training on the others"
EXAMPLE = "the greedy answer after training on other questions"
ATTACKS = ("retraining_on_part",)
SUITES = ("tofu",)
METRICS = ("hidden_knowledge",)
ORACLE = True
SETTINGS = {
    "steps": {"default": 20, "least": 2},
    "batch_size": {"default": 16, "least": 1},
    "lr": {"default": 0.0005, "above": 0, "most": 1},
    "share": {"default": 0.5, "above": 0, "most": 0.99},
    "by": ("choice", "words"),
}
BUDGETS = {
    "minutes": {"items": 100, "steps": 20},
    "hour": {"items": 400, "steps": 40},
    "all": {"items": 1000000, "steps": 100},
}


def check_rows(rows: Mapping[str, Sequence[dict]], settings: Mapping[str, Any]) -> None:
    """LetheError for fewer than two different rows, which cannot be divided."""
    if len({(row["question"], row["answer"]) for row in rows["forget"]}) < 2:
        raise LetheError("the forget set has one row, which cannot be divided")


def measure(subject, settings: Mapping[str, Any]) -> Measured:
    """1 for each held-out question answered correctly after the attack, 0 for the others."""
    rows = {"forget": subject.rows("forget", settings["items"])}
    chosen = {**training(subject, settings), "share": settings["share"]}
    attacked = subject.attacked("retraining_on_part", chosen, rows["forget"])
    after = attacked.recorded("tofu", rows)
    made = metrics.compute(
        "hidden_knowledge", after, before=subject.recorded("tofu", rows), by=settings["by"]
    )
    (point,) = made.checkpoints
    asked, items = point.questions["recovered"], after.checkpoints[0].sets["forget"]
    at = _held_out(items, set(attacked.taught), asked)
    answers, said = [items.answer[k] for k in at], [items.generation[k] for k in at]
    return Measured(asked, answers, point.items["recovered"], said)


def _held_out(items, taught: set[str], asked: list[str]) -> list[int]:
    """The places of the questions ``asked`` among the items, some of which were taught."""
    rows = enumerate(zip(items.question, items.answer, strict=True))
    left = [k for k, pair in rows if row_digest(*pair) not in taught]
    return [left[k] for k in places(asked, [items.question[k] for k in left])]
