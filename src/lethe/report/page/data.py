"""What the page is made from: files by their places, and what the configuration says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lethe.report.labels import RETAIN


@dataclass(frozen=True)
class Place:
    """A model and a split: what is compared within them."""

    model: str
    split: str


@dataclass(frozen=True)
class Run:
    """What was run, according to the configuration.

    ``settings`` are those that were set for each method; ``oracles`` the runs of each split's
    oracles, the default one first; ``sequence`` the ``methods`` and the ``oracle`` of a sequence of
    requests, empty without one; ``shares`` the splits with the shares of facts that they forget, as
    ``FigureData.with_shares`` takes them; ``revision`` the code that makes the page
    (``lethe.pipeline.revision``).
    """

    world: str
    models: Sequence[str]
    splits: Sequence[str]
    methods: Sequence[str]
    seeds: Sequence[int]
    oracle_seeds: Sequence[int] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    oracles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sequence: Mapping[str, Any] = field(default_factory=dict)
    shares: Sequence[Mapping[str, Any]] = ()
    revision: Mapping[str, Any] = field(default_factory=dict)

    @property
    def places(self) -> list[Place]:
        """Every model with every split."""
        return [Place(model, split) for model in self.models for split in self.splits]

    @property
    def settings_in_words(self) -> dict[str, str]:
        """The settings of each method, in a line."""
        return {name: settings_words(said) for name, said in self.settings.items()}

    def oracle(self, split: str) -> str:
        """The run of a split's default oracle."""
        return self.oracles.get(split, (RETAIN,))[0]


@dataclass(frozen=True)
class Files:
    """The files of a run, all but ``card`` and ``words`` made from its metrics and records.

    ``tables`` and ``captions`` are by a plug-in's name, ``pictures`` by figure, model and split.
    ``metrics``, ``records``, ``audits`` and ``defences`` are entries with the keys of their place
    and a ``path``. ``sequence``: the scores of a sequence of requests, if there is one.
    ``seen``: the folder of the pictures that questions are asked with, if there are any.
    """

    scores: str | Path
    intervals: str | Path
    claims: str | Path
    card: str | Path
    words: str | Path
    tables: Mapping[str, str | Path] = field(default_factory=dict)
    captions: Mapping[str, str | Path] = field(default_factory=dict)
    pictures: Mapping[tuple[str, str, str], str | Path] = field(default_factory=dict)
    metrics: Sequence[Mapping[str, Any]] = ()
    records: Sequence[Mapping[str, Any]] = ()
    audits: Sequence[Mapping[str, Any]] = ()
    defences: Sequence[Mapping[str, Any]] = ()
    sequence: str | Path | None = None
    seen: str | Path | None = None


@dataclass(frozen=True)
class Shown:
    """Which tables and figures the page has, each with how it is shown (``presentation``)."""

    tables: Mapping[str, Mapping[str, Any]]
    figures: Mapping[str, Mapping[str, Any]]


def settings_words(settings: Any) -> str:
    """``lr 0.001, epochs 5``; nested settings in parentheses."""
    if not isinstance(settings, Mapping):
        return str(settings)
    parts = [
        f"{key.replace('_', ' ')} "
        + (f"({settings_words(value)})" if isinstance(value, Mapping) else str(value))
        for key, value in settings.items()
        if value is not None
    ]
    return ", ".join(parts) or "as it is"
