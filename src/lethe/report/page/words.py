"""What the page says in words, computed from what was run and from its numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lethe.analysis.statistics import SIGNIFICANT
from lethe.report.figures.base import FigureData
from lethe.report.labels import FULL, run_label
from lethe.report.page.data import Run

UTILITY = ("model_utility", "model_utility")
QUALITY = ("forget_quality", "log10_forget_quality")
# The most methods that a sentence names; of the others it gives the number.
NAMED = 6


def what_was_run(run: Run, items: dict[str, int], epochs: int) -> str:
    """One sentence; ``items``: the questions of each split's forget set, if they are known."""
    forgotten = joined([_forget_set(split, items.get(split, 0)) for split in run.splits])
    seeds = counted(len(run.seeds), "seed")
    oracles = counted(len(run.oracle_seeds), "further oracle")
    start = f"In the world {run.world}, {joined(list(run.models))} learned all authors"
    if not run.methods:
        return f"{start}, and an oracle all but those of {forgotten}; {seeds}, {oracles}."
    methods = counted(len(run.methods), "method")
    named = joined([run_label(name) for name in run.methods], NAMED)
    over = f" over {counted(epochs, 'epoch')}" if epochs else ""
    return (
        f"{start}, then {methods} ({named}) unlearned {forgotten}{over}, compared with an oracle "
        f"that never saw them; {seeds}, {oracles}."
    )


def _forget_set(split: str, items: int) -> str:
    return f"{split} ({counted(items, 'question')})" if items else split


def counted(number: int, noun: str) -> str:
    """``1 seed``, ``3 seeds``, ``no seeds``."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def joined(names: Sequence[str], most: int = 20) -> str:
    """``a, b and c``; beyond ``most`` names, the number of the others."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown) or "none"


@dataclass(frozen=True)
class Checkpoint:
    """A method's checkpoint: ``log10_p`` against the oracle, utility (means over seeds)."""

    run: str
    epoch: int
    log10_p: float
    utility: float

    @property
    def passes(self) -> bool:
        """Whether the test cannot tell it from the oracle."""
        return self.log10_p >= np.log10(SIGNIFICANT)

    def words(self, full: float) -> str:
        """``NPO at epoch 3 (p = 0.13, 79% of the full model's utility)``."""
        share = f"{self.utility / full:.0%}" if full > 0 else f"{self.utility:.3f}"
        return (
            f"{run_label(self.run)} at epoch {self.epoch} ({p_words(self.log10_p)}, {share} of the "
            "full model's utility)"
        )


def p_words(log10_p: float) -> str:
    """``p = 0.13``; ``p = 5.3e-27`` where it is small, or too small for a number of its own."""
    if log10_p > -4:
        return f"p = {10**log10_p:.2g}"
    exponent = math.floor(log10_p)
    digits, _, more = f"{10 ** (log10_p - exponent):.1e}".partition("e")
    return f"p = {digits.removesuffix('.0')}e{exponent + int(more)}"


def courses(data: FigureData) -> dict[str, list[Checkpoint]]:
    """All checkpoints of each method."""
    by_run = {}
    for run in data.methods:
        quality, utility = data.mean(run, *QUALITY), data.mean(run, *UTILITY)
        numbers = zip(quality.epochs, quality.values, utility.values, strict=True)
        by_run[run] = [Checkpoint(run, int(e), float(q), float(u)) for e, q, u in numbers]
    return by_run


def what_it_shows(data: FigureData | None) -> list[str]:
    """What the figure of forget quality against utility shows; None if no method was run."""
    if data is None:
        return ["No method was run, so there is nothing to compare."]
    missing = [metric for metric, _ in (QUALITY, UTILITY) if not data.measured(metric)]
    if missing:
        names = joined([metric.replace("_", " ") for metric in missing])
        return [f"Without {names} among the metrics, no sentence here compares the methods."]
    full = float(data.last(FULL, *UTILITY).mean())
    start = float(data.last(FULL, *QUALITY).mean())
    of = courses(data)
    ends = [course[-1] for course in of.values()]
    on_the_way = [point for course in of.values() for point in course[:-1] if point.passes]
    passed = [point for point in ends if point.passes]
    return [
        f"Before unlearning, the test tells the full model from the oracle ({p_words(start)})."
        if start < np.log10(SIGNIFICANT)
        else f"The full model cannot be told from the oracle ({p_words(start)}) before unlearning.",
        _at_the_end(passed, ends, full),
        *_earlier(on_the_way, passed, full),
        _most_useful(ends, full),
    ]


def _at_the_end(passed: list[Checkpoint], ends: list[Checkpoint], full: float) -> str:
    start = f"At the last epoch, {len(passed) or 'none'} of {len(ends)} methods"
    if not passed:
        best = max(ends, key=lambda point: point.log10_p)
        return f"{start} reaches p ≥ {SIGNIFICANT}; the closest is {best.words(full)}."
    best = max(passed, key=lambda point: point.utility)
    cannot = "cannot be told from the oracle"
    return f"{start} {cannot} (p ≥ {SIGNIFICANT}); the most useful of them is {best.words(full)}."


def _earlier(on_the_way: list[Checkpoint], passed: list[Checkpoint], full: float) -> list[str]:
    """Methods that got there at an earlier epoch, and left again."""
    stayed = {point.run for point in passed}
    left = [point for point in on_the_way if point.run not in stayed]
    if not left:
        return []
    runs = list(dict.fromkeys(point.run for point in left))
    best = max(left, key=lambda point: point.utility)
    names = joined([run_label(run) for run in runs], NAMED)
    did = "was there earlier and went" if len(runs) == 1 else "were there earlier and went"
    return [
        f"{names} {did} past it: an epoch more is not always better. The most useful such "
        f"checkpoint is {best.words(full)}."
    ]


def _most_useful(ends: list[Checkpoint], full: float) -> str:
    best, worst = (pick(ends, key=lambda point: point.utility) for pick in (max, min))
    if best == worst:
        return f"It ends with {best.utility:.3f} of utility; the full model has {full:.3f}."
    return (
        f"Utility at the end is between {worst.utility:.3f} ({run_label(worst.run)}) and "
        f"{best.utility:.3f} ({run_label(best.run)}); the full model has {full:.3f}."
    )
