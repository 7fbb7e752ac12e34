"""Asking one checkpoint after another a suite's questions."""

from collections.abc import Mapping, Sequence
from typing import Any

from lethe.evaluate.records import Checkpoint, dealt
from lethe.evaluate.suite import Limits, Reference, load, settings_of


class Evaluation:
    """One suite's questions, tokenised once and put to one checkpoint after another.

    Each process of a ``process_group`` (``lethe.common.distributed``) asks its share of every set:
    items are independent, so it does not matter which process asks.
    """

    def __init__(
        self,
        suite: str,
        encoder,
        rows: Mapping[str, Sequence[dict]],
        limits: Limits,
        process_group=None,
        settings: Mapping[str, Any] | None = None,
        reference: Reference | None = None,
    ):
        """``rows``: the data rows of each set of the suite; ``settings``: the suite's.

        ``reference``: the model that the suite compares with, if it does.

        LetheError if a text is missing, or for a setting that the suite does not have or allow.
        """
        self.module, self.limits, self.process_group, self.sets = (
            load(suite),
            limits,
            process_group,
            list(rows),
        )
        # Suites without settings take no such argument.
        chosen = settings_of(suite, settings or {})
        own = [chosen] if chosen else []
        if hasattr(self.module, "together"):
            rows = self.module.together(rows, *own)
        if process_group is not None and process_group.size > 1:
            mine = {
                name: some[process_group.rank :: process_group.size] for name, some in rows.items()
            }
            rows = {name: some for name, some in mine.items() if some}
        self.beside = [] if reference is None else [reference]
        self.prepared = self.module.prepare(encoder, rows, *own)

    def __call__(self, model, epoch: int = 0, step: int = 0) -> Checkpoint:
        """What a model answers, item by item; every process gets all of it."""
        answered = self.module.record(model, self.prepared, self.limits, *self.beside)
        if self.process_group is not None and self.process_group.size > 1:
            shares = self.process_group.gathered(answered)
            answered = {name: dealt(name, shares) for name in self.sets}
        return Checkpoint(epoch, step, answered)
