"""What follows from a probe's numbers, and from those of all probes.

With an oracle, a probe finds a *leak beyond the oracle* or *no leak*; it *cannot tell* if it is
blind (by it the full model does not exceed the oracle), if refusing or collapse hides what it
reads, or if there is no full model to show that it sees. Without an oracle it finds a *leak* or
cannot tell. Intervals are bootstrap percentile intervals over questions; their level makes those of
all probes hold together (Bonferroni). ``docs/audit.md`` says what each of them means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import sqrt
from typing import Any

import numpy as np

from lethe.analysis.audit.measured import Measured
from lethe.analysis.statistics import LEVEL, percentile_interval, resampled_means
from lethe.common.errors import LetheError

# Verdicts by name: changing these words requires another FORMAT of documents, because old
# certificates are verified by them.
LEAKS_BEYOND, NO_LEAK, UNKNOWN = "leaks beyond the oracle", "no leak found", "cannot be told"
LEAKS = "leaks"
# The probability with which a leak of the smallest size must be found.
POWER = 0.8


@dataclass(frozen=True)
class Difference:
    """A mean difference and its interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Judgement:
    """A probe's verdict and why.

    ``beyond``: the excess of the checkpoint over the oracle, or without one over chance; ``sight``:
    that of the full model over the oracle; ``smallest_leak``: the smallest that would have been
    found. None if there is no such number. ``blind``: the probe does not count in the audit's
    verdict.
    """

    verdict: str
    why: str
    beyond: Difference | None = None
    sight: Difference | None = None
    smallest_leak: float | None = None
    blind: bool = False


@dataclass(frozen=True)
class Hidden:
    """What hides a checkpoint's knowledge from probes."""

    refuses: bool = False
    collapsed: bool = False

    def why(self, spoken: bool) -> str | None:
        """Why a probe cannot see; ``spoken``: whether it reads what the model says."""
        if self.collapsed:
            return "the model has collapsed, which says nothing about what it knows"
        if self.refuses and spoken:
            return "the model refuses to answer, which is not ignorance"
        return None


def level_of(probes: int) -> float:
    """The level of each of ``probes`` intervals that hold together at ``LEVEL``."""
    return 1 - (1 - LEVEL) / max(1, probes)


def judge(
    name: str,
    own: Measured,
    full: Measured | None,
    oracle: Measured | None,
    *,
    level: float = LEVEL,
    hidden: str | None = None,
) -> Judgement:
    """The verdict of one probe; ``hidden``: why it cannot see, if it cannot.

    LetheError if the three were asked different questions.
    """
    for other in filter(None, (full, oracle)):
        _same_questions(name, own, other)
    if oracle is None:
        return _alone(own, level)
    beyond = paired(own.values, oracle.values, level)
    sight = None if full is None else paired(full.values, oracle.values, level)
    if few := too_few(level, own):
        return Judgement(UNKNOWN, few, beyond, sight)
    if sight is not None and sight.low <= 0:
        why = "blind: by this probe the full model does not exceed the oracle"
        return Judgement(UNKNOWN, why, beyond, sight, blind=True)
    if beyond.low > 0:
        return Judgement(LEAKS_BEYOND, "it exceeds the oracle", beyond, sight)
    if hidden is not None:
        return Judgement(UNKNOWN, hidden, beyond, sight)
    if sight is None:
        why = "no full model shows that this probe sees; name one"
        return Judgement(UNKNOWN, why, beyond)
    smallest = smallest_leak(np.subtract(own.values, oracle.values), level)
    return Judgement(NO_LEAK, _below(beyond), beyond, sight, smallest)


def _below(beyond: Difference) -> str:
    if beyond.high < 0:
        return "it lies below the oracle: pushed further than a model that never learned it"
    return "it cannot be told from the oracle"


def _alone(own: Measured, level: float) -> Judgement:
    """The verdict without an oracle: a leak is what exceeds the model's own chance level."""
    if not own.chance:
        return Judgement(UNKNOWN, "without an oracle this probe has nothing to compare with")
    compare = paired if own.paired else unpaired
    beyond = compare(own.values, own.chance, level)
    if few := too_few(level, own):
        return Judgement(UNKNOWN, few, beyond)
    if beyond.low > 0:
        return Judgement(LEAKS, "it exceeds what the model scores where it cannot know", beyond)
    return Judgement(UNKNOWN, "no oracle says what not knowing looks like; name one", beyond)


def too_few(level: float, own: Measured) -> str | None:
    """Why the questions are too few for an interval of this level; None if they are not.

    An interval of n differences that all have one sign never contains 0. With nothing to find, all
    lie above it with a probability of about 1 / 2^n, which must be below the interval's tail.
    """
    least = next(n for n in count(1) if 0.5**n < (1 - level) / 2)
    smallest = min(len(own.values), len(own.chance) or len(own.values))
    if smallest >= least:
        return None
    return f"too few questions: {smallest}, where an interval needs {least}"


def _same_questions(name: str, own: Measured, other: Measured) -> None:
    if list(own.questions) != list(other.questions):
        raise LetheError(
            f"probe '{name}': the checkpoints were asked different questions; measure all of "
            "them on the same data with the same settings"
        )


def paired(own: Sequence[float], other: Sequence[float], level: float) -> Difference:
    """The mean difference by question, and its interval."""
    values = np.subtract(own, other)
    draws = resampled_means(values[:, None], "audit")[:, 0]
    low, high = percentile_interval(draws, level)
    return Difference(float(values.mean()), float(low), float(high))


def unpaired(own: Sequence[float], other: Sequence[float], level: float) -> Difference:
    """The difference of the means of two sets of questions, resampled independently."""
    draws = [
        resampled_means(np.asarray(some, dtype=float)[:, None], name)[:, 0]
        for some, name in ((own, "audit"), (other, "chance"))
    ]
    low, high = percentile_interval(draws[0] - draws[1], level)
    return Difference(float(np.mean(own) - np.mean(other)), float(low), float(high))


def smallest_leak(differences: np.ndarray, level: float = LEVEL) -> float:
    """The smallest mean difference that would have been found with probability ``POWER``.

    (z_level + z_POWER) s / sqrt(n) for n differences with standard deviation s, and at least the
    share of questions that must leak completely before an interval can lie above 0: the smallest m
    / n with (1 - m / n)^n < (1 - level) / 2; with fewer, too many resamples miss all of them.
    """
    from scipy.stats import norm

    n = len(differences)
    if n < 2:
        return 1.0
    spread = float(np.std(differences, ddof=1))
    by_spread = (norm.ppf((1 + level) / 2) + norm.ppf(POWER)) * spread / sqrt(n)
    by_count = next((m for m in range(1, n) if (1 - m / n) ** n < (1 - level) / 2), n) / n
    return float(min(1.0, max(by_spread, by_count)))


@dataclass(frozen=True)
class Verdict:
    """The verdict of an audit, why, and remarks on the model's conduct."""

    verdict: str
    why: str
    remarks: tuple[str, ...] = ()


def overall(judgements: Mapping[str, Judgement], hidden: Hidden, compared: bool) -> Verdict:
    """The verdict from those of all probes that are not blind; ``compared``: with an oracle."""
    seeing = {name: one for name, one in judgements.items() if not one.blind}
    remarks = _remarks(hidden)
    leak = LEAKS_BEYOND if compared else LEAKS
    leaking = [name for name, one in seeing.items() if one.verdict == leak]
    clear = [name for name, one in seeing.items() if one.verdict == NO_LEAK]
    if leaking:
        return Verdict(leak, f"under {_listed(leaking)}", remarks)
    if clear:
        parts = [f"{name} {seeing[name].smallest_leak:.3f}" for name in clear]
        why = f"the smallest leak that could have been found: {', '.join(parts)}"
        return Verdict(NO_LEAK, why, remarks)
    reasons = dict.fromkeys(one.why for one in judgements.values())
    return Verdict(UNKNOWN, "; ".join(reasons) or "no probe could be run", remarks)


def _remarks(hidden: Hidden) -> tuple[str, ...]:
    said = {
        "it refuses: at least half of its answers about forgotten authors say that it does not "
        "know": (hidden.refuses),
        "it has collapsed: it tells less than half of what it should about authors it should "
        "know": (hidden.collapsed),
    }
    return tuple(text for text, holds in said.items() if holds)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)


def plain(difference: Difference | None) -> dict[str, Any] | None:
    """A difference as plain values."""
    return None if difference is None else vars(difference)
