"""Whether facts are forgotten in all languages together: KSS and KPS (arXiv 2605.14404, Eq. 5-7).

KSS, the knowledge separability score: with s = 1 - p of a fact in a language and S its mean over
languages, how well S ranks forget facts above retain facts, as the area under ROC (``kss_roc``) and
under precision and recall (``kss_pr``; without information the base rate). 0.5 and the base rate
say that nothing was forgotten, or everything alike; 1 that just the forget facts are unknown.

KPS, the knowledge persistence score: of the forget facts that are unknown in language a, the share
known in b, ps(a, b); kps(a) is its mean over all other languages b. Lower is better.

Whether a fact is known is judged by its truth ratio R: known where R is at or below the threshold
that best tells ``full``, which knows the facts, from the base, which never met them, by Youden's J,
in each language. The paper translates generated answers and has a language model judge them; the
threshold is [RECON] of that for models without such a judge.
"""

import math

from lethe.common.errors import LetheError
from lethe.metrics._ranking import average_precision, roc_auc, youden
from lethe.metrics.base import (
    CheckpointValues,
    Inputs,
    MetricFile,
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
# Of a fact that is unknown nowhere nothing is said: the worst value, so that not forgetting in a
# language never looks like forgetting in all of them.
WORST = 1.0


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """KSS and KPS of every checkpoint, all in [0, 1] but counts.

    ``kss_roc``, ``kss_pr``: over the languages learned, those given included; with ``_holdout``:
    over the hold-out ones; with ``_L``: in language L alone. ``base_rate``: the share of forget
    facts among both. ``forgetting_L``: mean s of the forget facts. ``kps``: mean of ``kps_L`` over
    the languages that the unlearner is given; ``ps_A_B``. ``unknown_L``: how many forget facts are
    unknown in L; where it is 0, ``kps_L`` and its ``ps`` mean nothing and are 1. ``youden_L``: how
    surely known is told from unknown there; near 0 its ``ps`` are noise. ``given_L``,
    ``learned_L``: 1 where the unlearner is given L, and where models learn facts in it. Items: S of
    both sets over the languages learned.

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
    full = _ratios(inputs.full[need], "the full model")
    base = _ratios(inputs.base[need], "the base")
    made = []
    for point, own in zip(points, values, strict=True):
        roles = _roles(inputs, point)
        judges = {name: _judge(full, base, name, own) for name in roles}
        known = {
            name: [ratio <= judges[name][0] for ratio in own.items[f"forget_{name}_ratio"]]
            for name in roles
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
        raise LetheError(f"{inputs.records.path}: facts in different languages; make it again")
    return dict(zip(names[0], roles[0], strict=True))


def _ratios(file: MetricFile, what: str) -> CheckpointValues:
    return only_checkpoint(file, what)


def _judge(full, base, language: str, own: CheckpointValues) -> tuple[float, float]:
    """The largest R at which a fact counts as known in a language, and Youden's J of that."""
    key = f"forget_{language}_ratio"
    for other in (full, base):
        if len(other.items.get(key, ())) != len(own.items[key]):
            raise LetheError(
                f"knowledge_spread: other facts, or none in {language}, of full or of the base; "
                "delete the files of language_probability to have them made again"
            )
    return youden(full.items[key], base.items[key])


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
