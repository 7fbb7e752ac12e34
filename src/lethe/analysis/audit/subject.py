"""A checkpoint while probes question it: as it is, or after an attack."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lethe.analysis.audit.data import AuditRows
from lethe.evaluate import attack
from lethe.evaluate import suite as suites
from lethe.evaluate.collect import collect
from lethe.evaluate.records import Checkpoint, Records, check_records
from lethe.evaluate.suite import Limits
from lethe.model import checkpoint
from lethe.model.encoder import Encoder, rows_to_pairs
from lethe.model.precision import prepare
from lethe.model.settings import Compute
from lethe.world.row_digest import row_digest

# Tokens of question and answer together.
LONGEST = 512
# Answers may be longer than the longest true one by this factor: a model that does not end its
# answers would otherwise take most of the time.
ROOM = 1.5


@dataclass(frozen=True)
class Asking:
    """How checkpoints are asked: the same for all that are compared.

    ``full`` and ``oracle``: the checkpoints to compare with, None where there is none;
    ``seed``: of attacks.
    """

    rows: AuditRows
    template: str | Mapping[str, Any] = "chat"
    compute: Compute = field(default_factory=Compute)
    device: str = "cpu"
    seed: int = 0
    full: str | None = None
    oracle: str | None = None


class Subject:
    """One checkpoint, loaded when it is first asked; records are made once for equal questions."""

    def __init__(
        self, source: str, asking: Asking, model=None, tokenizer=None, taught: Sequence[str] = ()
    ):
        """``model``: one in memory, instead of the source's; ``taught``: as in records."""
        self.source, self.asking, self.taught = source, asking, tuple(taught)
        self._loaded = None if model is None else (model, tokenizer)
        self._records: dict[tuple, Records] = {}

    @property
    def loaded(self) -> tuple[Any, Any]:
        """Model and tokenizer."""
        if self._loaded is None:
            self._loaded = self._load(self.source)
        return self._loaded

    @property
    def compared(self) -> bool:
        """Whether there is an oracle to compare with."""
        return self.asking.oracle is not None

    def rows(self, name: str, items: int) -> list[dict]:
        """Up to ``items`` rows of a set, evenly spread."""
        return self.asking.rows.of(name, items)

    def records(
        self, suite: str, rows: Mapping[str, Sequence[dict]], **settings: Any
    ) -> Checkpoint:
        """What the checkpoint answers under a suite, by set."""
        return self.recorded(suite, rows, **settings).checkpoints[0]

    def recorded(self, suite: str, rows: Mapping[str, Sequence[dict]], **settings: Any) -> Records:
        """The answers as ``Records``, for metrics. LetheError if a number is not finite."""
        texts = tuple((name, tuple(row["question"] for row in some)) for name, some in rows.items())
        key = (suite, texts, tuple(sorted(settings.items())))
        if key not in self._records:
            made = collect(
                suite,
                [self.source],
                {name: some for name, some in rows.items() if some},
                template=self.asking.template,
                limits=self._limits(rows),
                device=self.asking.device,
                load=self._asked,
                settings=settings or None,
                reference=self._reference(suite),
            )
            points = [replace(point, taught=self.taught) for point in made.checkpoints]
            named = Records(made.suite, points, self.source)
            check_records(named, "the model gives no usable numbers: check its weights")
            self._records[key] = named
        return self._records[key]

    def attacked(
        self, kind: str, settings: Mapping[str, Any], rows: Sequence[dict] = ()
    ) -> "Subject":
        """The checkpoint after an attack that reads these rows; this one stays as it is."""
        chosen = attack.settings_of(kind, settings, f"attack '{kind}'")
        model, tokenizer = self._load(self.source)
        prepare(model, self.asking.compute.training("relearn"), self.asking.seed, self.source)
        encoder = Encoder(tokenizer, self.asking.template, LONGEST)
        pairs = rows_to_pairs(rows)
        change: Callable = attack.load(kind).change
        examples = encoder.encode_all(pairs)
        trained = change(model, chosen, examples, self.asking.seed, lambda *_: None)
        taught = sorted({row_digest(*pairs[number]) for number in trained or ()})
        return Subject(self.source, self.asking, model.eval(), tokenizer, taught)

    def _reference(self, suite: str) -> str | None:
        """The checkpoint that a suite compares with, if it does."""
        role = suites.contract(suite).reference
        return None if role is None else getattr(self.asking, role)

    def _asked(self, source: str, *_: Any, **__: Any) -> tuple[Any, Any]:
        """This checkpoint, which is loaded already, or the one that it is compared with."""
        return self.loaded if source == self.source else self._load(source)

    def _load(self, source: str) -> tuple[Any, Any]:
        loading = self.asking.compute.loading()
        return checkpoint.load(source, self.asking.device, **loading, template=self.asking.template)

    def _limits(self, rows: Mapping[str, Sequence[dict]]) -> Limits:
        _, tokenizer = self.loaded
        answers = [row["answer"] for some in rows.values() for row in some]
        longest = max(len(ids) for ids in tokenizer(answers, add_special_tokens=False)["input_ids"])
        return Limits(LONGEST, int(longest * ROOM) + 1)
