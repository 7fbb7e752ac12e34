"""Meta-evaluation from files: of the pools' models, and of runs before and after attacks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lethe.analysis.meta_evaluation import Attacked, meta_evaluation
from lethe.common.errors import LetheError
from lethe.common.files import read_json
from lethe.metrics.base import read_metric

FORMAT = 1
FULL = "full"
# By run, seed and state (None: before any attack) the values by metric.
Places = dict[tuple[str, int, str | None], dict[str, dict[str, float]]]


def evaluated(
    pools: Mapping[str, Sequence[str]],
    entries: Iterable[Mapping[str, Any]],
    oracles: Sequence[str],
    *,
    relearning: str,
    quantization: str,
    least_utility: float,
    quantization_ratio: str,
) -> dict[str, Any]:
    """The document of a meta-evaluation: its rows, the models of the pools, those attacked.

    ``pools``: by pool, the files of its models; ``entries``: metric files with the keys of their
    places, among them ``state``, which is None before an attack; ``oracles``: the oracles' runs,
    first the one to compare with.

    LetheError for a file that is incomplete or missing.
    """
    models = {pool: [_model(file) for file in files] for pool, files in pools.items()}
    places = _places(entries)
    seeds = sorted({seed for run, seed, _ in places if run == FULL})
    full, truth = (places[run, seeds[0], None] for run in (FULL, oracles[0]))
    attacked = list(_attacked(places, oracles, relearning, quantization))
    values = {pool: [model["values"] for model in some] for pool, some in models.items()}
    return {
        "format": FORMAT,
        "metrics": meta_evaluation(
            values, full, truth, attacked, least_utility, quantization_ratio
        ),
        "pools": models,
        "attacked": [
            {"run": one.run, "seed": one.seed, "utility": one.utility} for one in attacked
        ],
    }


def _model(file: str) -> dict[str, Any]:
    document = read_json(file)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise LetheError(
            f"{file}: not the values of a pool's model; delete it to have it made again"
        )
    return {key: document[key] for key in ("variant", "finetune", "values")}


def _places(entries: Iterable[Mapping[str, Any]]) -> Places:
    places: Places = {}
    for entry in entries:
        point = read_metric(entry["path"], entry["metric"]).checkpoints[-1]
        place = (entry["run"], int(entry["seed"]), entry["state"])
        places.setdefault(place, {})[entry["metric"]] = dict(point.values)
    return places


def _attacked(places: Places, oracles: Sequence[str], relearning: str, quantization: str):
    """Every unlearned run of every seed, with its oracle."""
    for run, seed, state in places:
        if state is None and run not in (FULL, *oracles) and (run, seed, relearning) in places:
            full = places[FULL, seed, None]["model_utility"]["model_utility"]
            own = places[run, seed, None]
            yield Attacked(
                run,
                seed,
                own["model_utility"]["model_utility"] / full if full else 0.0,
                own,
                places[run, seed, relearning],
                places[run, seed, quantization],
                places[oracles[0], seed, None],
                places[oracles[0], seed, relearning],
            )
