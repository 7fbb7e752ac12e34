"""A claim: a number measured on the runs of each seed, and what all seeds' numbers must satisfy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lethe.analysis.claims.runs import Runs
from lethe.analysis.claims.verdict import UNTESTED, Criterion, judge
from lethe.common.errors import LetheError

# The criterion of most differences: above 0.
POSITIVE = Criterion()


@dataclass(frozen=True)
class Claim:
    """``measure``, which needs ``runs``, gives the value of one seed (``docs/claims.md``).

    ``metrics``: those without which a configuration cannot test it at all; empty: unknown.
    ``criterion``: what the values of all seeds must satisfy; None for what no value can show.
    ``splits`` and ``models``: those that the claim is about; empty: any. ``of_oracles``: whether
    the values belong to the seeds of the further oracles. Without ``measure`` it is not tested
    here, and ``reason`` says why, or where it is tested.
    """

    text: str
    runs: tuple[str, ...] = ()
    measure: Callable[[Runs], float] | None = None
    criterion: Criterion | None = POSITIVE
    splits: tuple[str, ...] = ()
    of_oracles: bool = False
    reason: str = ""
    metrics: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def row(self, runs: Sequence[Runs]) -> dict[str, Any]:
        """The claim judged on the runs of each seed. LetheError if a run lacks a score."""
        values = {str(one.seed): float(self.measure(one)) for one in runs}
        return judged(self.text, self.criterion, values)

    def row_or_reason(self, split: str, runs: Sequence[Runs]) -> dict[str, Any]:
        """As ``row``, but for a claim that these runs cannot test ``reason`` says why."""
        reason = self.reason or self._missing(split, runs)
        if reason:
            return self._untested(reason)
        try:
            return self.row(runs) | {"reason": ""}
        except LetheError as error:
            return self._untested(str(error).removeprefix("claims: "))

    def _missing(self, split: str, runs: Sequence[Runs]) -> str:
        """Why runs of these splits and methods cannot test it; empty if they can."""
        if self.splits and split not in self.splits:
            return f"is about the splits {', '.join(self.splits)}"
        if self.models and any(one.model not in self.models for one in runs):
            return f"is about the models {', '.join(self.models)}"
        present = {run for one in runs for run in one.table["run"].unique()}
        missing = [run for run in self.runs if run not in present]
        return f"no run {missing[0]} in this configuration" if missing else ""

    def _untested(self, reason: str) -> dict[str, Any]:
        criterion = asdict(self.criterion) if self.criterion else {}
        row = {"claim": self.text, **criterion, "seeds": 0}
        return row | {"verdict": UNTESTED, "reason": reason}


def judged(text: str, criterion: Criterion, values: Mapping[str, float]) -> dict[str, Any]:
    """The row of a claim with these values by seed."""
    row = {"claim": text, **asdict(criterion), "values": dict(values)}
    return row | asdict(judge(criterion, list(values.values())))
