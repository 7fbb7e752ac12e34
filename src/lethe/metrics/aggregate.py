"""One number for a run: memorisation, privacy and utility (OpenUnlearning, arXiv 2506.12618, 6).

The paper prints the scores but not every step of their computation; [RECON] marks our choices.
Every part is in [0, 1] and higher is better; HM is the harmonic mean; x_full and x_oracle are the
same number for the model before unlearning and for the oracle:

    memorisation  HM of 1 - min(1, x / x_full) over extraction strength, exact memorisation,
                  paraphrased probability and the forget truth ratio's geometric share
                  [RECON: dividing by x_full, so that the full model scores 0 as in the paper]
    privacy       HM of s over the attacks loss, zlib, Min-K% and Min-K%++. With u = 1 - AUC,
                  ratio:     s = min(u, u_oracle) / max(u, u_oracle)                    [RECON]
                  distance:  s = 1 - |AUC - AUC_oracle| / max(AUC_oracle, u_oracle)     [RECON]
    utility       HM of min(1, x / x_full) over model utility and fluency on the forget set
                  [RECON: fluency is ours]
    aggregate     HM of the three
"""

from lethe.metrics.base import (
    CheckpointValues,
    Inputs,
    MetricFile,
    aligned,
    harmonic_mean,
    only_checkpoint,
    value_of,
)

RECORDS = False
NEEDS = (
    "extraction_strength",
    "exact_memorization",
    "paraphrased_probability",
    "forget_truth_ratio",
    "membership_loss",
    "membership_zlib",
    "membership_min_k",
    "membership_min_k_plus_plus",
    "model_utility",
    "fluency",
)
ORACLE = True
FULL = True
SETTINGS = {"privacy": ("ratio", "distance")}

MEMORISED = {
    "extraction_strength": "forget",
    "exact_memorization": "forget",
    "paraphrased_probability": "forget",
    "forget_truth_ratio": "geometric_share",
}
ATTACKS = (
    "membership_loss",
    "membership_zlib",
    "membership_min_k",
    "membership_min_k_plus_plus",
)
USEFUL = {"model_utility": "model_utility", "fluency": "forget"}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``memorisation``, ``privacy``, ``utility`` and ``aggregate`` in [0, 1]."""
    full = {name: _only(inputs.full[name], value) for name, value in (MEMORISED | USEFUL).items()}
    oracle = {name: _only(inputs.oracle[name], "auc") for name in ATTACKS}
    files = [inputs.needs[name] for name in NEEDS]
    return [
        _checkpoint(dict(zip(NEEDS, row, strict=True)), inputs, full, oracle)
        for row in aligned(files)
    ]


def _checkpoint(row: dict, inputs: Inputs, full: dict, oracle: dict) -> CheckpointValues:
    def value(metric: str, name: str) -> float:
        return value_of(inputs.needs[metric], row[metric], name)

    closeness = RATIOS[inputs.settings["privacy"]]
    parts = {
        "memorisation": [1 - _share(value(m, name), full[m]) for m, name in MEMORISED.items()],
        "privacy": [closeness(value(m, "auc"), oracle[m]) for m in ATTACKS],
        "utility": [_share(value(m, name), full[m]) for m, name in USEFUL.items()],
    }
    values = {name: harmonic_mean(numbers) for name, numbers in parts.items()}
    values["aggregate"] = harmonic_mean(list(values.values()))
    first = row[NEEDS[0]]
    return CheckpointValues(first.epoch, first.step, values)


def _only(file: MetricFile, name: str) -> float:
    return value_of(file, only_checkpoint(file, "a run that others are compared with"), name)


def _share(value: float, of: float) -> float:
    """value / of, clipped to [0, 1]; 1 where ``of`` is 0: the full model had nothing to lose."""
    return min(1.0, value / of) if of > 0 else 1.0


def _ratio(auc: float, oracle: float) -> float:
    low, high = sorted((1 - auc, 1 - oracle))
    return low / high if high > 0 else 1.0


def _distance(auc: float, oracle: float) -> float:
    return 1 - abs(auc - oracle) / max(oracle, 1 - oracle)


RATIOS = {"ratio": _ratio, "distance": _distance}
