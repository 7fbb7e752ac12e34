"""What becomes of a model over a sequence of requests (ICU-Bench, arXiv 2605.05938).

Let A[t, j] be the mean probability of the true answers of request j after request t, A[0, j] that
under the model before any request, and R[t] the same for the retain set. The paper names its
measures; their formulas are reconstructed [RECON]. After request t,

- forgetting effectiveness: the mean over s <= t of 1 - A[s, s] / A[0, s];
- historical preservation: the mean over j < t of 1 - A[t, j] / A[0, j];
- rebound: the mean over j < t of the largest max(0, A[s, j] - A[j, j]) with j < s <= t;
- retained: R[t] / R[0], and its mean over s <= t (the area under its course);
- stability: 1 - (standard deviation of R[s] over s <= t) / (their mean).

After the first request nothing is historical: preservation is then that of the request itself, and
rebound is 0. Shares of model utility are left out if the full model has none.

In a world with pictures the measures of requests are also those of the questions by text, by
picture and by both (``forgetting_by_picture``), for the modalities that every request has.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics.base import (
    CheckpointValues,
    MetricFile,
    only_checkpoint,
    read_metric,
    value_of,
    write_metric,
)

METRIC = "sequence"
# The metrics that it is made from.
FILES = ("requests", "probability", "model_utility")
MODALITIES = ("text", "picture", "both")
TINY = 1e-12


@dataclass(frozen=True)
class After:
    """What was measured of a run after one request: the files of three metrics."""

    requests: MetricFile
    probability: MetricFile
    model_utility: MetricFile

    def asked(self, count: int, end: str = "") -> list[float]:
        """The mean probability of each of the first ``count`` requests.

        ``end``: of a modality's questions alone.
        """
        point = self._last(self.requests)
        return [value_of(self.requests, point, f"request{n}{end}") for n in range(1, count + 1)]

    def ends(self, count: int) -> list[str]:
        """The ends of the names of the modalities that each of the first ``count`` requests has."""
        there = self._last(self.requests).values
        names = [f"_by_{modality}" for modality in MODALITIES]
        return [
            end for end in names if all(f"request{n}{end}" in there for n in range(1, count + 1))
        ]

    @property
    def retain(self) -> float:
        return value_of(self.probability, self._last(self.probability), "retain")

    @property
    def utility(self) -> float:
        return value_of(self.model_utility, self._last(self.model_utility), "model_utility")

    @staticmethod
    def _last(file: MetricFile) -> CheckpointValues:
        return only_checkpoint(file, "a run after a request")


def write_sequence(
    out: str | os.PathLike,
    full: Sequence[str | os.PathLike],
    run: Sequence[str | os.PathLike],
    unchanged: Sequence[int] | None = None,
) -> None:
    """Write the measures of a run from its metric files, as a metric file.

    ``full``: the files of ``FILES`` before any request; ``run``: those after each request, request
    after request. ``unchanged``: for models that no request changed (full, oracles), the requests
    up to which each file asked questions; ``run`` has their files in that order.
    """
    size = len(FILES)
    parts = [_after(run[place : place + size]) for place in range(0, len(run), size)]
    before = _after(full)
    if unchanged is None:
        write_metric(out, sequence(before, parts))
    else:
        write_metric(out, fresh(before, dict(zip(unchanged, parts, strict=True))))


def _after(files: Sequence[str | os.PathLike]) -> After:
    return After(*(read_metric(file, name) for file, name in zip(files, FILES, strict=True)))


def sequence(full: After, run: Sequence[After]) -> MetricFile:
    """The measures of a run after each request, as checkpoints whose epoch is the request.

    ``full``: before any request; ``run``: after each, in order. LetheError if a file lacks
    a request or has several checkpoints.
    """
    if not run:
        raise LetheError("sequence: no run after any request; give one for each request")
    start, after = _courses_of(full, run)
    by_modality = {end: _courses_of(full, run, end) for end in full.ends(len(run))}
    retain = np.array([one.retain for one in run])
    points = []
    for number, one in enumerate(run, start=1):
        course = _course(start[:number], after[:number], retain[:number] / _floor(full.retain))
        course |= _utility_share("utility_first", full, run[0])
        for end, (before, asked) in by_modality.items():
            own = _left(before[:number], asked[number - 1])
            own |= _of_requests(before[:number], asked[:number])
            course |= {f"{name}{end}": value for name, value in own.items()}
        points.append(_point(full, one, start[:number], after[number - 1], course))
    return MetricFile(METRIC, points)


def _courses_of(
    full: After, run: Sequence[After], end: str = ""
) -> tuple[np.ndarray, list[np.ndarray]]:
    """A[0] of all requests, and A[t] of the first t for each t; ``end``: of one modality."""
    after = [np.array(one.asked(number, end)) for number, one in enumerate(run, start=1)]
    return np.array(full.asked(len(run), end)), after


def fresh(full: After, runs: Mapping[int, After]) -> MetricFile:
    """The measures of models that no request changed, on the questions up to each request.

    Those of a course (rebound, stability, mean over requests) are not defined.
    """
    points = []
    for count, run in runs.items():
        start, asked = np.array(full.asked(count)), np.array(run.asked(count))
        own = {"forgetting": _forgotten(asked, start)}
        for end in full.ends(count):
            before, after = (np.array(one.asked(count, end)) for one in (full, run))
            left = _left(before, after) | {"forgetting": _forgotten(after, before)}
            own |= {f"{name}{end}": value for name, value in left.items()}
        points.append(_point(full, run, start, asked, own))
    return MetricFile(METRIC, points)


def _point(
    full: After, run: After, start: np.ndarray, asked: np.ndarray, more: dict[str, float]
) -> CheckpointValues:
    """The measures after the last of t requests; ``start`` and ``asked`` [t]: A[0] and A[t]."""
    count = len(asked)
    values = {
        **_left(start, asked),
        "retain": run.retain,
        "retained": run.retain / _floor(full.retain),
        "model_utility": run.utility,
        **_utility_share("utility_kept", full, run),
        **more,
    }
    items = {"asked": asked.tolist(), "before": start.tolist()}
    return CheckpointValues(count, count, values, items)


def _left(start: np.ndarray, asked: np.ndarray) -> dict[str, float]:
    """What is left of requests; ``start`` and ``asked`` [t]: A[0] and A[t]."""
    earlier = max(1, len(asked) - 1)
    return {
        "now": float(asked[-1]),
        "earlier": float(asked[:earlier].mean()),
        "preservation": _forgotten(asked[:earlier], start[:earlier]),
    }


def _of_requests(start: np.ndarray, after: Sequence[np.ndarray]) -> dict[str, float]:
    """The measures of a course that are about requests alone, as in ``_course``."""
    own = np.array([asked[-1] for asked in after])
    return {"forgetting": _forgotten(own, start), "rebound": _rebound(own, after)}


def _course(start: np.ndarray, after: Sequence[np.ndarray], shares: np.ndarray) -> dict[str, float]:
    """The measures of a course of t requests.

    ``start`` [t]; ``after``: t arrays, the s-th [s]; ``shares`` [t]: R[s] / R[0].
    """
    return {
        **_of_requests(start, after),
        "retained_first": float(shares[0]),
        "retained_mean": float(shares.mean()),
        "stability": float(1 - shares.std() / _floor(shares.mean())),
    }


def _utility_share(name: str, full: After, run: After) -> dict[str, float]:
    """Model utility as a share of full's; empty if full's is 0, which defines no share."""
    return {name: run.utility / full.utility} if full.utility > 0 else {}


def _floor(value: float) -> float:
    """A divisor that is above 0."""
    return max(float(value), TINY)


def _forgotten(now: np.ndarray, before: np.ndarray) -> float:
    return float((1 - now / np.maximum(before, TINY)).mean())


def _rebound(own: np.ndarray, after: Sequence[np.ndarray]) -> float:
    """``own`` [t]: each request right after it was answered."""
    count = len(after)
    if count < 2:
        return 0.0
    largest = [
        max(max(0.0, float(after[s][j] - own[j])) for s in range(j + 1, count))
        for j in range(count - 1)
    ]
    return float(np.mean(largest))
