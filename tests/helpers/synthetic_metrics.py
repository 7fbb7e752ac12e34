"""A small benchmark's metric files with plausible numbers, for tests of tables and figures."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import hmean, ks_2samp

from lethe.analysis.bootstrap import collect_intervals
from lethe.analysis.costs import COLUMNS
from lethe.analysis.intervals import by_place
from lethe.analysis.scores import collect_scores
from lethe.common import paths
from lethe.report import figures
from lethe.report.figures.base import FigureData
from lethe.report.tables.base import TableData

WORLD, MODEL, SPLIT = "made-up", "tiny", "forget10"
METHODS = ["grad_ascent", "grad_diff", "kl_min", "idk", "npo", "npo_retain"]
EPOCHS, ITEMS, STEPS = 5, 120, 12
# Figures of other data than this world has, drawn in tests/report/figures/test_scenario_figures.py,
# test_memory_graph.py and test_modalities.py.
OF_SCENARIOS = {
    "exacerbation",
    "lineage",
    "memory_graph",
    "modalities",
    "recipes",
    "requests",
    "request_modalities",
    "shares",
}
FIGURES = [name for name in figures.names() if name not in OF_SCENARIOS]
NINE_METRICS = ("probability", "rouge", "truth_ratio")
SETS = ("forget", "retain", "real_authors", "world_facts")
SETTINGS = {
    "calibration": {"bins": 10}, "same_author_retain": {}, "generalisation": {},
    "deep_unlearning": {},
}  # fmt: skip

# Values of the full model; the share of each set's value that a method leaves in the end; and by
# how much the median of R grows on the way (the oracle's is 2.5 times the full model's).
START = {"forget": 0.95, "retain": 0.96, "real_authors": 0.55, "world_facts": 0.62}
LEFT = {
    "grad_ascent": (0.02, 0.05, 0.25, 0.3),
    "grad_diff": (0.05, 0.7, 0.6, 0.7),
    "kl_min": (0.04, 0.1, 0.3, 0.35),
    "idk": (0.25, 0.8, 0.5, 0.6),
    "npo": (0.2, 0.55, 0.7, 0.8),
    "npo_retain": (0.25, 0.9, 0.9, 0.95),
}
SHIFT = {
    "grad_ascent": 9.0,
    "grad_diff": 1.6,
    "kl_min": 6.0,
    "idk": 1.2,
    "npo": 2.2,
    "npo_retain": 2.5,
}


def write_world(
    folder: Path, methods=tuple(METHODS), seeds=(0,), other_oracles=(), split=SPLIT
) -> list[dict]:
    """Write the metric files of every run under ``folder``; return entries for collect_scores."""
    entries = []
    for seed in seeds:
        oracle = _ratios(2.5, seed, "retain")
        runs = {"full": [(0, 0, 0.0)], "retain": [(0, 0, 0.0)]}
        runs |= {m: [(e, e * STEPS, e / EPOCHS) for e in range(1, EPOCHS + 1)] for m in methods}
        for run, points in runs.items():
            checkpoints = [_checkpoint(run, seed, *point, oracle) for point in points]
            entries += _write(folder, split, run, seed, checkpoints)
    first = _ratios(2.5, seeds[0], "retain")
    for seed in other_oracles:
        entries += _write(
            folder, split, "retain", seed, [_checkpoint("retain", seed, 0, 0, 0.0, first)]
        )
    return entries


def figure_data(entries, methods=tuple(METHODS), seeds=(0,)) -> FigureData:
    intervals = by_place(collect_intervals(entries))
    scores, paid = collect_scores(entries), costs(methods, seeds)
    return FigureData.of(scores, MODEL, SPLIT, methods, seeds, entries, intervals, paid)


def costs(methods=tuple(METHODS), seeds=(0,)) -> pd.DataFrame:
    """A table of costs: the first method 2% of the oracle's compute, each other 5% more."""
    rows = []
    for seed in seeds:
        shares = {"full": 1.1, "retain": 1.0}
        shares |= {method: 0.02 + 0.05 * number for number, method in enumerate(methods)}
        rows += [
            {column: 0 for column in COLUMNS}
            | {"model": MODEL, "split": SPLIT, "run": run, "seed": seed, "compute_share": share}
            for run, share in shares.items()
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def table_data(entries, methods, seeds=(0,)) -> TableData:
    intervals = by_place(collect_intervals(entries))
    ratios = [entry for entry in entries if entry["metric"] == "truth_ratio"]
    return TableData(methods, seeds, collect_scores(entries), intervals, ratios)


def _ratios(median: float, seed: int, run: str) -> np.ndarray:
    # The same items for every run, so that R differs by little noise and the shift.
    items = np.random.default_rng(7).lognormal(0.0, 0.5, ITEMS)
    noise = np.random.default_rng([seed, sum(map(ord, run))]).lognormal(0.0, 0.25, ITEMS)
    return 0.3 * median * items * noise


def _checkpoint(run, seed, epoch, step, done, oracle) -> dict:
    rng = np.random.default_rng([seed, epoch, sum(map(ord, run))])
    left = dict(zip(SETS, LEFT.get(run, (1, 1, 1, 1)), strict=True))
    if run == "retain":
        left["forget"] = 0.3
    items = {metric: {} for metric in NINE_METRICS}
    for name in SETS:
        # Most of the damage comes early.
        kept = 1 - (1 - left[name]) * done**0.5 if run != "retain" else left[name]
        for metric in NINE_METRICS:
            items[metric][name] = _items(rng, START[name] * kept * rng.uniform(0.95, 1.0))
    values = {m: {name: float(x.mean()) for name, x in sets.items()} for m, sets in items.items()}
    # The file holds R, of which 1 - R is averaged, and on the forget set the smaller of R and 1/R.
    items["truth_ratio"] = {name: 1 - x for name, x in items["truth_ratio"].items()}
    ratios = _ratios(2.5 if run == "retain" else SHIFT.get(run, 1.8) ** done, seed, run)
    items["truth_ratio"]["forget"] = ratios
    values["truth_ratio"]["forget"] = float(np.minimum(ratios, 1 / ratios).mean())
    p = float(ks_2samp(ratios, oracle).pvalue)
    nine = [values[metric][name] for name in SETS[1:] for metric in NINE_METRICS]
    values["forget_quality"] = {
        "forget_quality": p,
        "log10_forget_quality": math.log10(p),
        "ks_statistic": float(ks_2samp(ratios, oracle).statistic),
    }
    values["model_utility"] = {
        "model_utility": float(hmean(nine)),
        "retain_utility": float(hmean(nine[:3])),
    }
    points = {m: {"epoch": epoch, "step": step, "values": v} for m, v in values.items()}
    for metric, sets in items.items():
        points[metric]["items"] = {name: x.tolist() for name, x in sets.items()}
    points["calibration"] = _calibration(epoch, step, items["probability"])
    points |= _of_further_splits(epoch, step, values["probability"])
    points["truth_ratio"]["questions"] = {"forget": [f"Question {n}?" for n in range(ITEMS)]}
    return points


def _of_further_splits(epoch: int, step: int, probability: dict[str, float]) -> dict[str, dict]:
    """Metrics of splits that forget some facts of an author, or a share of a behaviour."""
    retain, forget = probability["retain"], probability["forget"]
    own = {"kept_probability": (retain + forget) / 2, "others_probability": retain}
    nearer, farther = abs(forget - 0.4), abs(forget - 0.2)
    distances = {
        f"{role}_{name}": scale * apart
        for role, apart in (("without_share", nearer), ("without_all", farther))
        for name, scale in (("probability", 1.0), ("js", 0.4), ("ks", 0.8))
    }
    place = {"epoch": epoch, "step": step}
    return {
        "same_author_retain": {**place, "values": own},
        "generalisation": {**place, "values": distances},
        "deep_unlearning": {**place, "values": _deep(forget, retain)},
    }


def _deep(forget: float, retain: float) -> dict[str, float]:
    """What goes with the targets, and what stays."""
    deep = {"recall": 1 - forget, "accuracy": retain, "deducible": forget}
    return deep | {"targets_told": forget, "told": retain}


def tofus_own(entries: list[dict]) -> list[dict]:
    """The entries of TOFU's metrics alone."""
    return [entry for entry in entries if entry["metric"] not in SETTINGS]


def _calibration(epoch: int, step: int, probabilities: dict[str, np.ndarray]) -> dict:
    """Choices between four options that are right the oftener, the likelier the true answer is."""
    items = {}
    for name, likely in probabilities.items():
        items[f"{name}_confidence"] = (0.25 + 0.75 * likely).tolist()
        items[f"{name}_accuracy"] = [float(p > n / len(likely)) for n, p in enumerate(likely)]
    values = {name: float(np.mean(some)) for name, some in items.items()}
    return {"epoch": epoch, "step": step, "values": values, "items": items}


def _items(rng: np.random.Generator, level: float) -> np.ndarray:
    """Values by item in (0, 1), of that mean but for the noise of drawing them."""
    return rng.beta(8 * level, 8 * (1 - level), ITEMS).clip(1e-6, 1 - 1e-6)


def _write(folder, split, run, seed, checkpoints) -> list[dict]:
    entries = []
    for metric in checkpoints[0]:
        path = folder / paths.metric(paths.run(WORLD, MODEL, split, run, seed), metric)
        path.parent.mkdir(parents=True, exist_ok=True)
        points = [checkpoint[metric] for checkpoint in checkpoints]
        document = {"format": 1, "metric": metric, "settings": SETTINGS.get(metric, {})}
        path.write_text(json.dumps(document | {"checkpoints": points}))
        place = {"world": WORLD, "model": MODEL, "split": split, "run": run, "seed": seed}
        entries.append(place | {"metric": metric, "path": str(path)})
    return entries
