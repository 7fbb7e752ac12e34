"""Made-up scores and records for the paper's exhibits."""

import math

import numpy as np
import pandas as pd

from lethe.analysis.scores import COLUMNS
from lethe.evaluate.records import Checkpoint, ItemSet, Records, write_records
from lethe.report.paper.exhibit_data import ExhibitData

METHODS = {name: name for name in ("grad_ascent", "grad_diff", "idk", "kl_min")}
SPLITS = ("forget01", "forget05", "forget10")
STEPS = {"forget01": 2, "forget05": 7, "forget10": 13}
# log10 p of the finetuned model; what is left of utility, and of -log10 p, at the end.
START = {"forget01": -3.2, "forget05": -13.0, "forget10": -19.0}
LEFT = {
    "grad_ascent": (0.02, 0.1),
    "grad_diff": (0.7, 0.8),
    "idk": (0.85, 0.6),
    "kl_min": (0.05, 0.2),
}
NINE = [
    (m, s)
    for m in ("rouge", "probability", "truth_ratio")
    for s in ("world_facts", "real_authors", "retain")
]
FOUR = [(m, "forget") for m in ("rouge", "probability", "truth_ratio")]


def scores(model="tiny", methods=METHODS, epochs=5, splits=SPLITS) -> pd.DataFrame:
    """Scores of every run on every split, one seed."""
    rows = []
    for split in splits:
        rows += _rows(model, split, "full", 0, 0, 0.6, START[split], 0.9)
        rows += _rows(model, split, "retain", 0, 0, 0.61, None, 0.3)
        for run, method in methods.items():
            for epoch in range(1, epochs + 1):
                kept, low = LEFT.get(method, (0.5, 0.5))
                done = epoch / epochs
                utility = 0.6 * (1 - (1 - kept) * done * (0.1 if split == "forget01" else 1))
                quality = START[split] * (1 - (1 - low) * math.sin(2.2 * done))
                step = epoch * STEPS[split]
                rows += _rows(model, split, run, epoch, step, utility, quality, 0.9 - 0.8 * done)
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(model, split, run, epoch, step, utility, quality, forget) -> list[tuple]:
    values = {("model_utility", "model_utility"): utility}
    values |= {("model_utility", "retain_utility"): utility}
    values |= {(m, s): utility + 0.03 * n for n, (m, s) in enumerate(NINE)}
    values |= {(m, s): forget for m, s in FOUR}
    if quality is not None:
        values |= {("forget_quality", "log10_forget_quality"): quality}
        values |= {("forget_quality", "forget_quality"): 10**quality}
    return [(model, split, run, 0, epoch, step, *name, value) for name, value in values.items()]


def item_set(questions, shift=0.0, paraphrased=True, seed=0) -> ItemSet:
    """Items whose truth ratios grow with ``shift``; questions decide on the rest."""
    rng = np.random.default_rng([seed, len(questions)])
    loss = np.array([1 + (sum(map(ord, question)) % 17) / 10 for question in questions])
    n = len(questions)
    return ItemSet(
        question=list(questions),
        answer=["the right answer"] * n,
        generation=["the right words"] * n,
        answer_loss=loss,
        answer_tokens=np.full(n, 4),
        paraphrase_loss=loss + shift if paraphrased else None,
        paraphrase_tokens=np.full(n, 4) if paraphrased else None,
        perturbed_loss=np.array([[2.0, 2.5, 3.0]] * n) + rng.normal(0, 0.3, (n, 1)),
        perturbed_tokens=np.full((n, 3), 4),
    )


def records(forget, retain, shift=0.0, seed=0) -> Records:
    """Records of one checkpoint; lists of questions for the forget and the retain set."""
    facts = [f"fact {number}" for number in range(5)]
    sets = {
        "forget": item_set(forget, shift, seed=seed),
        "retain": item_set(retain, 0.0, seed=seed),
        "real_authors": item_set(facts, paraphrased=False),
        "world_facts": item_set(facts, paraphrased=False),
    }
    return Records("tofu", [Checkpoint(0, 0, sets)])


def asked(split: str) -> list[str]:
    """The last questions of a world of 1000: forget sets are nested."""
    count = {"forget01": 10, "forget05": 50, "forget10": 100}[split]
    return [f"question {number}" for number in range(1000 - count, 1000)]


def write_evaluations(folder, models=("small", "tiny"), splits=SPLITS) -> list[dict]:
    """Records of the oracles and of what they are compared with; returns entries."""
    retain = [f"question {number}" for number in range(60)]
    entries = []
    for model in models:
        for split in splits:
            for run, shift in {"retain": 0.8, "full": 0.0, "base": 0.6, "random": 1.5}.items():
                path = folder / f"{model}_{split}_{run}.json"
                write_records(path, records(asked(split), retain, shift))
                entries.append({"model": model, "split": split, "run": run, "path": str(path)})
    return entries


def shown(found, model="tiny", methods=METHODS, splits=SPLITS) -> ExhibitData:
    """Scores as an exhibit of one model is given them."""
    return ExhibitData([model], splits, methods=methods, seeds=[0], scores=found)


def of_records(evaluations, models=("small", "tiny"), splits=SPLITS, beside=None) -> ExhibitData:
    """Records as an exhibit is given them."""
    return ExhibitData(models, splits, beside, evaluations=evaluations)
