"""The jobs of a chain of searches: proposing a batch of trials, reading one, ranking all.

The file of a batch says what each of its trials is::

    {"format": 1, "trials": [
      {"trial": "greedy_r0_trial1", "point": {"method": "npo", "shares": {"lr": 0.81}},
       "parent": 0, "settings": {"lr": 0.0013}}]}

``parent``: the number of the trial that it was made from, counted from 0; ``settings``: those that
are not as configured.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from lethe.analysis.search_ranking import judged
from lethe.common.errors import LetheError
from lethe.common.files import read_json
from lethe.pipeline import strategies
from lethe.pipeline.search_points import Point, Space
from lethe.pipeline.strategy import Trial

FORMAT = 1


@dataclass(frozen=True)
class Measured:
    """Metric files that trials are judged by: of each trial, in their order; of oracle and full."""

    ratios: Sequence[str]
    utilities: Sequence[str]
    oracle: str
    full: str


def propose_batch(
    space: Space,
    strategy: tuple[str, Mapping[str, Any]],
    names: Sequence[str],
    before: Sequence[str],
    batches: Iterable[str],
    measured: Measured,
    key: str,
    left: int | None,
) -> dict[str, Any]:
    """The document of the next batch.

    ``strategy``: name and settings. ``names``: of the batch's trials; ``before``: of all trials
    before, of which the first is the start and the others are in the files ``batches``. ``key``:
    seeds the draws. ``left``: how many trials are left, for strategies that ask.
    """
    proposed = read(batches)
    if [*before[1:]] != [*proposed]:
        raise LetheError(f"search: {names[0]}: the batches before it do not fit; delete its run")
    points = {before[0]: space.start()}
    points |= {name: Point(**entry["point"]) for name, entry in proposed.items()}
    parents = {name: entry["parent"] for name, entry in proposed.items()}
    scores = scores_of([*before], measured)
    trials = [
        Trial(number, points[name], scores[name], parents.get(name))
        for number, name in enumerate(before)
    ]
    chosen, rng = strategies.load(strategy[0], strategy[1]), Random(f"search/{key}/{len(before)}")
    proposals = chosen.propose(space, trials, len(names), rng, left)
    entries = [
        {
            "trial": name,
            "point": one.point.as_json(),
            "parent": one.parent,
            "settings": space.settings(one.point),
        }
        for name, one in zip(names, proposals, strict=True)
    ]
    return {"format": FORMAT, "trials": entries}


def scores_of(names: Sequence[str], measured: Measured) -> dict[str, float]:
    """The score of each trial on the validation half: all that strategies get to see."""
    ranking = ranked({name: {} for name in names}, measured)
    return {row["trial"]: row["validation"] for row in ranking["trials"]}


def ranked(changes: Mapping[str, Mapping[str, Any]], measured: Measured) -> dict[str, Any]:
    """All trials, judged on both halves, by their changed settings."""
    ratios, utilities = (
        dict(zip(changes, files, strict=True)) for files in (measured.ratios, measured.utilities)
    )
    return judged(changes, ratios, utilities, measured.oracle, measured.full)


def read(batches: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The entries of files of batches, by trial; LetheError for files of another form."""
    entries = {}
    for file in batches:
        document = read_json(file)
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise LetheError(f"{file}: no batch of trials of format {FORMAT}; delete it")
        entries |= {entry["trial"]: entry for entry in document["trials"]}
    return entries


def changes(start: str, batches: Iterable[str], several: bool) -> dict[str, dict[str, Any]]:
    """What each trial changes, the start first; of ``several`` methods with the one it is."""
    by_trial: dict[str, dict[str, Any]] = {start: {}}
    for name, entry in read(batches).items():
        method = {"method": entry["point"]["method"]} if several else {}
        by_trial[name] = method | entry["settings"]
    return by_trial


def settings_of(
    batch: str, trial: str, methods: Mapping[str, Mapping[str, Any]]
) -> tuple[str, dict[str, Any]]:
    """The file of a trial's method, and its settings.

    ``methods``: of each that it may be, by name, ``method`` (the file) and ``settings``.
    """
    entry = read([batch])[trial]
    chosen = methods[entry["point"]["method"]]
    return chosen["method"], {**chosen["settings"], **entry["settings"]}
