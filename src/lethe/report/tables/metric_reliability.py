"""How well metrics rank unlearned models by closeness to the oracle, and their weights in UQS.

Also how stable the ranking by UQS is under random weights, and how far oracles are apart: if models
are no farther from the oracle than another oracle is, closeness is noise of the seed.
"""

import math

import pandas as pd

from lethe.analysis.quality_score import READINGS, reliabilities, stability
from lethe.report.table_layout import Group, bracketed, markdown_table
from lethe.report.tables.base import TableData
from lethe.report.uqs_runs import UnlearnedModel, listed, oracle_distances, unlearned

READS = ("scores",)
ONLY_WITH = ("metrics.uqs_components",)
PAGE = {
    "title": "Which metric tells how close the oracle is?",
    "section": "statistics",
    "columns": {
        "metric": ("Metric", ""),
        "rho": ("Spearman's ρ", ".2f"),
        "p": ("p", "p"),
        "weight": ("Weight in UQS", ".3f"),
        "models": ("Models", ".0f"),
        "distance_median": ("Distance to the oracle", ".3f"),
        "oracle_distance": ("between oracles", ".3f"),
        "stability_exponential": ("Stability, exp(−AD/100)", ".2f"),
        "stability_reciprocal": ("1/(1+AD)", ".2f"),
    },
}


def build(data: TableData) -> pd.DataFrame:
    """One row for each model and metric; values that do not depend on the metric are repeated.

    ``distance_…``: of all unlearned models to their oracles; ``oracle_distance``: mean between
    oracles of other seeds and the first, empty without ``oracle_seeds``; ``stability_…``: mean and
    deviation of Kendall's tau under random weights, by reading of AD.
    """
    rows = []
    for model, some in listed(data).items():
        models = unlearned(some, data)
        made = reliabilities([m.components for m in models], [m.distance for m in models])
        weights = {name: one.weight for name, one in made.items()}
        place = {"models": len(models), **_distances(models, some), **_stabilities(models, weights)}
        for metric, one in made.items():
            own = {"rho": one.rho, "p": one.p, "weight": one.weight}
            rows.append({"model": model, "metric": metric, **own, **place})
    return pd.DataFrame(rows)


def _distances(models: list[UnlearnedModel], some: list[Group]) -> dict[str, float]:
    distances = pd.Series([model.distance for model in models], dtype=float)
    between = pd.Series(oracle_distances(some), dtype=float)
    return {
        "distance_median": float(distances.median()),
        "distance_min": float(distances.min()),
        "distance_max": float(distances.max()),
        "oracle_distance": float(between.mean()),
        "oracle_pairs": len(between),
    }


def _stabilities(models: list[UnlearnedModel], weights: dict[str, float]) -> dict[str, float]:
    """Stabilities of the ranking of methods by their means over splits and seeds."""
    runs = pd.DataFrame([{"run": model.run, **model.components} for model in models])
    means = runs.groupby("run", sort=False).mean().to_dict("records") if len(runs) else []
    numbers = {}
    for reading in READINGS if len(means) > 1 else ():
        one = stability(means, weights, reading)
        numbers[f"stability_{reading}"] = one.mean
        numbers[f"stability_{reading}_sd"] = one.deviation
    return numbers


def markdown(table: pd.DataFrame) -> str:
    """The table with headings for readers; values that all metrics share are below."""
    rows = [
        {
            "Model": record["model"],
            "Metric": record["metric"],
            "Spearman's ρ": _number(record["rho"], ".2f"),
            "p": _number(record["p"], "p"),
            "Weight in UQS": f"{record['weight']:.3f}",
        }
        for record in table.to_dict("records")
    ]
    firsts = table.drop_duplicates("model").to_dict("records")
    return markdown_table(rows) + "".join(map(_note, firsts))


def _number(value: float, digits: str) -> str:
    return "" if math.isnan(value) else bracketed(value, math.nan, math.nan, digits)


def _note(record: dict) -> str:
    text = (
        f"\n{record['model']}: ρ between a metric and the closeness of {record['models']} "
        f"unlearned models to their oracle (mean L2 distance of parameter tensors). "
        f"Their distance: median {record['distance_median']:.3f}, "
        f"from {record['distance_min']:.3f} to {record['distance_max']:.3f}; "
    )
    if record["oracle_pairs"]:
        text += f"between oracles of different seeds: {record['oracle_distance']:.3f}."
    else:
        text += "between oracles: unknown, add oracle_seeds to the configuration."
    if "stability_reciprocal" in record:
        spreads = (
            f"{record[f'stability_{name}']:.2f} ± {record[f'stability_{name}_sd']:.2f} ({label})"
            for name, label in (("exponential", "exp(−AD/100)"), ("reciprocal", "1/(1+AD)"))
        )
        text += f" Stability of the ranking by UQS under random weights, τ: {', '.join(spreads)}."
    return text + "\n"
