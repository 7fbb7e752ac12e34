"""All metrics of one checkpoint beside an oracle and a full model that were measured before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lethe import metrics
from lethe.evaluate.collect import collect
from lethe.evaluate.records import Records, read_records
from lethe.metrics.base import MetricFile, read_metric


@dataclass(frozen=True)
class References:
    """Files of what was measured on other models, by metric or by suite: only those that are read.

    ``checkpoints``: by suite, the checkpoint that the suite compares with.
    """

    oracle: Mapping[str, str] = field(default_factory=dict)
    full: Mapping[str, str] = field(default_factory=dict)
    oracle_records: Mapping[str, str] = field(default_factory=dict)
    checkpoints: Mapping[str, str] = field(default_factory=dict)


class MetricValues:
    """``of(name)`` is a metric of the checkpoint ``source``; suites are asked when first needed.

    ``rows``: by suite, the rows of its sets; ``settings`` and ``suite_settings``: by name, those of
    metrics and suites; ``how``: how ``collect`` loads the model and puts questions.
    """

    def __init__(
        self,
        source: str | Path,
        rows: Mapping[str, Mapping[str, Sequence[dict]]],
        references: References,
        settings: Mapping[str, Mapping[str, Any]],
        suite_settings: Mapping[str, Mapping[str, Any]],
        how: Mapping[str, Any],
    ):
        self.source, self.rows, self.references = source, rows, references
        self.settings, self.suite_settings, self.how = settings, suite_settings, how
        self._records: dict[str, Records] = {}
        self._files: dict[str, MetricFile] = {}

    def of(self, name: str) -> MetricFile:
        """A metric; those that it needs are computed first."""
        if name not in self._files:
            contract = metrics.contract(name)
            self._files[name] = metrics.compute(
                name,
                self._recorded(contract.suite) if contract.records else None,
                {need: self.of(need) for need in contract.needs},
                _read(self.references.oracle, contract.needs) if contract.oracle else None,
                _read(self.references.full, contract.needs) if contract.full else None,
                self._of_oracle(contract) if contract.oracle_records else None,
                **self.settings.get(name, {}),
            )
        return self._files[name]

    def values(self, names: Sequence[str]) -> dict[str, dict[str, float]]:
        """The values of these metrics, by metric."""
        return {name: dict(self.of(name).checkpoints[0].values) for name in names}

    def _recorded(self, suite: str) -> Records:
        if suite not in self._records:
            how = {
                **self.how,
                "settings": self.suite_settings.get(suite),
                "reference": self.references.checkpoints.get(suite),
            }
            self._records[suite] = collect(suite, [self.source], self.rows[suite], **how)
        return self._records[suite]

    def _of_oracle(self, contract: metrics.Contract) -> Records:
        return read_records(self.references.oracle_records[contract.suite])


def _read(files: Mapping[str, str], needs: Sequence[str]) -> dict[str, MetricFile]:
    return {need: read_metric(files[need], need) for need in needs}
