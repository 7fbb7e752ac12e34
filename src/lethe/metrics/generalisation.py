"""Unlearning or untraining: which oracle a model is nearer to, and how far forgetting spread.

A behaviour is to be forgotten, and the method was given a share of it (arXiv 2604.07962). The
untraining oracle ``without_share`` never saw the share, the unlearning oracle ``without_all`` none
of the behaviour. With p the mean probability of the true answers,

    forgetting       F = (p_full(given) - p(given)) / (p_full(given) - p_without_share(given))
    generalisation   G = (p_full(rest) - p(rest)) / (p_full(rest) - p_without_all(rest))

They are 1 where the model equals the oracle, 0 where it equals full. Distances to either oracle are
over all items of the behaviour, given and rest: the Kolmogorov-Smirnov statistic of the truth
ratios; the mean of |p - p_oracle|; and the Jensen-Shannon divergence, in nats, of giving the true
answer or not, the mean over items of JS(Bernoulli(p), Bernoulli(p_oracle)) [RECON: the paper says a
divergence of answers, but not of which distributions]. Memorisation is p_full - p_oracle over the
items which that oracle never saw: the paper's leave-one-out score with the whole share, or
behaviour, left out together [RECON].
"""

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics.base import (
    REMEDY,
    CheckpointValues,
    Inputs,
    MetricFile,
    only_checkpoint,
)

RECORDS = False
NEEDS = ("behaviour",)
FULL = True
ORACLES = ("without_all", "without_share")
UNLEARNED, UNTRAINED = ORACLES
# How much more than the oracle full must have known for a share of it to mean anything.
LEAST_KNOWN = 0.01


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values of every checkpoint; ``forgetting`` and ``generalisation`` only where defined.

    They are defined where full knew at least ``LEAST_KNOWN`` more than the oracle, and G only if
    there is a rest. ``{role}_ks``, ``{role}_probability``, ``{role}_js``: distances to an oracle.
    ``memorisation_share`` and ``memorisation_all``: full's, of what each oracle never saw.
    LetheError if the runs were asked about different rows.
    """
    run = inputs.needs["behaviour"]
    oracles = {role: _only(inputs.oracles[role]["behaviour"], run) for role in ORACLES}
    full = _only(inputs.full["behaviour"], run)
    return [
        CheckpointValues(point.epoch, point.step, _values(point, full, oracles))
        for point in run.checkpoints
    ]


def _only(file: MetricFile, run: MetricFile) -> CheckpointValues:
    """The one checkpoint of the full model or an oracle, asked the same questions as the run."""
    asked = only_checkpoint(file, "a model that a run is compared with")
    if file.settings != run.settings or any(
        p.questions != asked.questions for p in run.checkpoints
    ):
        raise LetheError(
            f"{file.place}: other questions or settings than {run.place}; {REMEDY}, and the other"
        )
    return asked


def _values(point, full, oracles: dict) -> dict[str, float]:
    values = {}
    for role, oracle in oracles.items():
        values |= {f"{role}_{name}": n for name, n in _distances(point, oracle).items()}
    known = {"given": full.values["given_probability"] - _mean(oracles[UNTRAINED], "given")}
    values["memorisation_share"] = known["given"]
    values["memorisation_all"] = float(
        np.mean(_items(full, "probability") - _items(oracles[UNLEARNED], "probability"))
    )
    if "rest_probability" in full.values:
        known["rest"] = full.values["rest_probability"] - _mean(oracles[UNLEARNED], "rest")
    for part, name in (("given", "forgetting"), ("rest", "generalisation")):
        if known.get(part, 0.0) >= LEAST_KNOWN:
            lost = _mean(full, part) - _mean(point, part)
            values[name] = lost / known[part]
    return values


def _distances(point, oracle) -> dict[str, float]:
    # Imported here because importing it takes longer than everything else.
    from scipy.stats import ks_2samp

    p, q = (_items(one, "probability") for one in (point, oracle))
    ratios = (_items(one, "ratio") for one in (point, oracle))
    return {
        "ks": float(ks_2samp(*ratios).statistic),
        "probability": float(np.abs(p - q).mean()),
        "js": float(_divergence(p, q).mean()),
    }


def _divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence of Bernoulli(p) and Bernoulli(q), nats: [n] in [0, log 2]."""
    middle = (p + q) / 2
    halves = (_entropy(middle) - (_entropy(p) + _entropy(q)) / 2).clip(min=0)
    return np.where(p == q, 0.0, halves)


def _entropy(p: np.ndarray) -> np.ndarray:
    """Entropy of Bernoulli(p), in nats."""
    terms = [np.where(x > 0, x * np.log(np.where(x > 0, x, 1)), 0.0) for x in (p, 1 - p)]
    return -(terms[0] + terms[1])


def _items(point, number: str) -> np.ndarray:
    """A number of all items of the behaviour, given ones first: [n]."""
    parts = [
        point.items[f"{name}_{number}"]
        for name in ("given", "rest")
        if f"{name}_{number}" in point.items
    ]
    return np.concatenate([np.asarray(some, dtype=float) for some in parts])


def _mean(point, part: str) -> float:
    return point.values[f"{part}_probability"]
