"""Evaluations of single checkpoints: truth ratios and recalls by item, with their questions."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate.records import ItemSet, Records, read_records


@dataclass(frozen=True)
class Sample:
    """The truth ratios of one set and their questions, both of length n."""

    questions: list[str]
    ratios: list[float]


@dataclass(frozen=True)
class Evaluation:
    """One checkpoint's records, measured on demand by Lethe's own metrics."""

    records: Records
    variant: str

    def items(self, name: str) -> ItemSet:
        return self.records.checkpoints[0].sets[name]

    def sample(self, name: str) -> Sample:
        return Sample(self.items(name).question, self._truth_ratio.items[name])

    def recalls(self, name: str) -> list[float]:
        """ROUGE-L recall of each item of a set."""
        return self._rouge.items[name]

    @cached_property
    def _truth_ratio(self):
        measured = metrics.compute("truth_ratio", self.records, variant=self.variant)
        return measured.checkpoints[0]

    @cached_property
    def _rouge(self):
        return metrics.compute("rouge", self.records).checkpoints[0]


class Evaluations:
    """Evaluations by model, run and split.

    Each entry has ``model``, ``run``, ``split`` and ``path``; if its split is None, the evaluation
    serves all splits, as in the official logs. ``read`` turns a path into records.
    """

    def __init__(
        self,
        entries: Iterable[Mapping],
        variant: str = "geometric",
        read: Callable[[str | os.PathLike], Records] = read_records,
    ):
        self._paths = {(e["model"], e["run"], e["split"]): e["path"] for e in entries}
        self._variant, self._read = variant, read
        self._found: dict[str, Evaluation] = {}

    @property
    def models(self) -> list[str]:
        """All models, in the order of the entries."""
        return list(dict.fromkeys(model for model, _, _ in self._paths))

    def has(self, model: str, run: str, split: str) -> bool:
        return self._path(model, run, split) is not None

    def get(self, model: str, run: str, split: str) -> Evaluation:
        """The evaluation of a run on a split; LetheError if there is none."""
        path = self._path(model, run, split)
        if path is None:
            raise LetheError(f"no evaluation of {model}, {run} on {split}; give its file")
        if path not in self._found:
            records = self._read(path)
            if len(records.checkpoints) != 1:
                count = len(records.checkpoints)
                raise LetheError(
                    f"{path}: {count} checkpoints, but one is expected; name another run"
                )
            self._found[path] = Evaluation(records, self._variant)
        return self._found[path]

    def _path(self, model: str, run: str, split: str) -> str | None:
        return self._paths.get((model, run, split)) or self._paths.get((model, run, None))
