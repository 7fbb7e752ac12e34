"""Whether facts are forgotten in all languages together: KSS and KPS (arXiv 2605.14404, Eq. 5-7).

KSS, the knowledge separability score: with s = 1 - p of a fact in a language and S its mean over
languages, how well S ranks forget facts above retain facts, as the area under ROC (``kss_roc``) and
under precision and recall (``kss_pr``; without information the base rate). 0.5 and the base rate
mean that nothing was forgotten, or everything alike; 1 means that exactly the forget facts are
unknown.

KPS, the knowledge persistence score: of the forget facts that are unknown in language a, the share
known in b, ps(a, b); kps(a) is its mean over all other languages b. Lower is better.

A fact is known in a language if its score there lies on the side of ``full``, which knows the
facts, of a threshold: the one that best tells full from the base, which never met them, by Youden's
J. The score is log R, of the truth ratio within the language, or with ``judge: probability`` log p.
The paper translates generated answers and has a language model judge them; for models without such
a judge, the threshold takes its place [RECON].
"""

import math

import numpy as np

from lethe.common.errors import LetheError
from lethe.metrics._ranking import average_precision, roc_auc, youden
from lethe.metrics.base import (
    CheckpointValues,
    Inputs,
    aligned,
    column_of,
    mean,
    only_checkpoint,
)

NEEDS = ("language_probability",)
SUITE = "languages"
SETS = ("forget", "retain")
FULL = True
BASE = True
SETTINGS = {"judge": ("truth_ratio", "probability")}
# Where no fact is unknown, persistence is undefined: it gets the worst value, so that not
# forgetting in a language never looks like forgetting in all of them.
WORST = 1.0
# A collapsed model's p underflows to 0, which has no logarithm.
SMALLEST = 1e-300


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """KSS and KPS of every checkpoint, all in [0, 1] but counts.

    ``kss_roc``, ``kss_pr``: over the languages learned, including those given; with ``_holdout``:
    over the hold-out ones; with ``_L``: in language L alone. ``base_rate``: the share of forget
    facts among both. ``forgetting_L``: mean s of the forget facts. ``kps``: mean of ``kps_L`` over
    the languages that the unlearner is given; ``ps_A_B``. ``unknown_L``: how many forget facts are
    unknown in L; where it is 0, ``kps_L`` and its ``ps`` mean nothing and are 1. ``youden_L``: how
    well the threshold tells known from unknown there; near 0, its ``ps`` are noise. ``given_L``,
    ``learned_L``: 1 if the unlearner is given L, and if models learn facts in it. Items: S of both
    sets over the languages learned.

    LetheError if the files are not of the same checkpoints or facts.
    """
    (need,) = NEEDS
    values = [row[0] for row in aligned([inputs.needs[need]])]
    points = inputs.records.checkpoints
    if [(one.epoch, one.step) for one in values] != [(one.epoch, one.step) for one in points]:
        raise LetheError(
            f"{inputs.records.path}: not the checkpoints of {inputs.needs[need].place}; "
            "delete both files to have them made again"
        )
    full = only_checkpoint(inputs.full[need], "the full model")
    base = only_checkpoint(inputs.base[need], "the base")
    judge = inputs.settings["judge"]
    made = []
    for point, own in zip(points, values, strict=True):
        roles = _roles(inputs, point)
        judges = {name: _judge(full, base, name, own, judge) for name in roles}
        known = {
            name: (_scores(own, name, judge) <= threshold).tolist()
            for name, (threshold, _) in judges.items()
        }
        surely = {f"youden_{name}": judge[1] for name, judge in judges.items()}
        surely |= {f"given_{name}": int(role == "given") for name, role in roles.items()}
        surely |= {f"learned_{name}": int(role != "holdout") for name, role in roles.items()}
        spread, items = _separability(own, roles)
        scores = spread | _persistence(known, roles) | surely
        made.append(CheckpointValues(point.epoch, point.step, scores, items))
    return made


def _roles(inputs: Inputs, checkpoint) -> dict[str, str]:
    """The role of each language, in the order of the records."""
    names = column_of(inputs, checkpoint, "forget", "language")
    roles = column_of(inputs, checkpoint, "forget", "language_role")
    if any(row != names[0] for row in names) or any(row != roles[0] for row in roles):
        raise LetheError(
            f"{inputs.records.path}: its facts are in different languages; make the file again"
        )
    return dict(zip(names[0], roles[0], strict=True))


def _scores(values: CheckpointValues, language: str, judge: str) -> np.ndarray:
    """A score of each forget fact in a language, low where it is known: log R, or -log p."""
    if judge == "truth_ratio":
        return np.log(values.items.get(f"forget_{language}_ratio", []))
    return -np.log(np.maximum(values.items.get(f"forget_{language}", []), SMALLEST))


def _judge(full, base, language: str, own: CheckpointValues, judge: str) -> tuple[float, float]:
    """The highest score at which a fact counts as known in a language, and Youden's J of that."""
    scores = [_scores(one, language, judge) for one in (full, base, own)]
    if len({len(some) for some in scores}) > 1:
        raise LetheError(
            f"knowledge_spread: full or the base has other facts, or none in {language}; delete "
            "the files of language_probability to have them made again"
        )
    return youden(*scores[:2])


def _separability(own: CheckpointValues, roles: dict[str, str]) -> tuple[dict, dict]:
    """KSS over several choices of languages, and the items S over those learned."""
    scores = {
        name: {language: [1 - p for p in own.items[f"{name}_{language}"]] for language in roles}
        for name in SETS
    }
    learned = [name for name, role in roles.items() if role != "holdout"]
    holdout = [name for name, role in roles.items() if role == "holdout"]
    groups = {"": learned, "_holdout": holdout} | {f"_{name}": [name] for name in roles}
    values = {}
    for suffix, group in groups.items():
        if not group:
            continue
        forget, retain = (_over_languages(scores[name], group) for name in SETS)
        values[f"kss_roc{suffix}"] = roc_auc(forget, retain)
        values[f"kss_pr{suffix}"] = average_precision(forget, retain)
    for name in roles:
        values[f"forgetting_{name}"] = mean(scores["forget"][name])
    items = {name: _over_languages(scores[name], learned) for name in SETS}
    sizes = [len(items[name]) for name in SETS]
    return values | {"base_rate": sizes[0] / sum(sizes)}, items


def _over_languages(scores: dict[str, list[float]], group: list[str]) -> list[float]:
    """S of each fact: the mean of its s over a group of languages."""
    return [mean(some) for some in zip(*(scores[name] for name in group), strict=True)]


def _persistence(known: dict[str, list[bool]], roles: dict[str, str]) -> dict[str, float]:
    """ps of each pair of languages, KPS of each language, and of those given."""
    values: dict[str, float] = {}
    for first in known:
        others = [name for name in known if name != first]
        unknown = [place for place, knows in enumerate(known[first]) if not knows]
        values[f"unknown_{first}"] = len(unknown)
        for second in others:
            persisting = math.fsum(known[second][place] for place in unknown)
            values[f"ps_{first}_{second}"] = persisting / len(unknown) if unknown else WORST
        values[f"kps_{first}"] = mean([values[f"ps_{first}_{second}"] for second in others])
    given = [name for name, role in roles.items() if role == "given"]
    return values | {"kps": mean([values[f"kps_{name}"] for name in given])}
