"""The unlearned models behind the tables of UQS, from tidy scores."""

from collections.abc import Iterator
from dataclasses import dataclass

from lethe.analysis.quality_score import DISTANCE, METRIC, VALUES
from lethe.report.table_layout import Group, groups
from lethe.report.tables.base import TableData


@dataclass(frozen=True)
class UnlearnedModel:
    """A run of a method at its last epoch: its components and its distance to the oracle."""

    split: str
    run: str
    seed: int
    components: dict[str, float]
    distance: float


def listed(data: TableData) -> dict[str, list[Group]]:
    """The rows of a table by model; ``data.scores`` are those of all metrics."""
    by_model: dict[str, list[Group]] = {}
    for group in groups(data.scores, data.methods, data.seeds, data.oracles):
        by_model.setdefault(group.model, []).append(group)
    return by_model


def unlearned(some: list[Group], data: TableData) -> list[UnlearnedModel]:
    """The methods' runs of all splits and seeds among the groups."""
    return [one for group in some if group.run in data.methods for one in models_of(group)]


def models_of(group: Group) -> Iterator[UnlearnedModel]:
    """The unlearned models of a group, one for each seed."""
    columns = {name: group.values(METRIC, value) for name, value in VALUES.items()}
    distances = group.values(METRIC, DISTANCE)
    for number, seed in enumerate(group.seeds):
        components = {name: values[number] for name, values in columns.items()}
        yield UnlearnedModel(group.split, group.run, seed, components, distances[number])


def rankings(models: list[UnlearnedModel]) -> list[list[dict[str, float]]]:
    """The components of the methods of each split and seed, which metrics rank."""
    by_place: dict[tuple[str, int], list[dict[str, float]]] = {}
    for model in models:
        by_place.setdefault((model.split, model.seed), []).append(model.components)
    return list(by_place.values())


def oracle_distances(some: list[Group]) -> list[float]:
    """How far the oracles of other seeds are from the first; empty if there are none."""
    return [
        distance for group in some if group.other for distance in group.values(METRIC, DISTANCE)
    ]
