"""What a recipe gets: the rows that are to be learned, and how the training runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lethe.model.encoder import Encoder, Example
from lethe.train.execution import Execution, NoStateSaver
from lethe.train.finetune import Addition, Until, fit
from lethe.train.loop import Report
from lethe.train.settings import Finetuning, Schedule

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Lesson:
    """``pairs``: question and answer of all that an epoch shows, first the ``rows`` to be learned.

    The rest are true facts. ``files``: the pairs of the world's files that the recipe needs.
    ``start``: the checkpoint that the model was loaded from.
    """

    pairs: Pairs
    rows: int
    encoder: Encoder
    settings: Finetuning
    seed: int
    how: Execution
    report: Report
    start: str | Path
    files: Mapping[str, Pairs] = field(default_factory=dict)

    def encoded(self, pairs: Pairs | None = None) -> list[Example]:
        """Tokens of ``pairs``, by default of all that an epoch shows."""
        return self.encoder.encode_all(self.pairs if pairs is None else pairs)

    def named(self, name: str) -> "Lesson":
        """A copy for another training of the same job."""
        return replace(self, how=self.how.named(name))

    def unsaved(self, saver: NoStateSaver) -> "Lesson":
        """A copy whose state ``saver`` saves; it may be one that saves nothing."""
        return replace(self, how=replace(self.how, state_saver=saver))

    def fit(
        self,
        model,
        examples: Sequence[Example] | None = None,
        schedule: Schedule | None = None,
        addition: Addition | None = None,
        wrappers: Sequence = (),
        rates: list[float] | None = None,
    ) -> dict[str, float]:
        """Train until the rows are learned: for all epochs, or up to ``settings.until_loss``.

        ``examples``: what an epoch shows, by default everything. The loss that ends the training
        is that of all rows, whether they are shown or not. ``rates`` gets each step's rate.
        """
        examples = self.encoded() if examples is None else examples
        until = None
        if self.settings.until_loss is not None:
            rows = self.encoded(self.pairs[: self.rows])
            until = Until(self.settings.until_loss, self.settings.check_steps, rows)
        return fit(
            model,
            examples,
            schedule or self.settings,
            self.seed,
            self.report,
            self.how,
            until=until,
            addition=addition,
            wrappers=wrappers,
            rates=rates,
        )
