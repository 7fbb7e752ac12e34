"""Forgetting in the trained view and in unseen ones: CoVUBench (arXiv 2605.03547), in text.

The trained view of a fact is the question that was trained on and unlearned; unseen views are the
same question in systematically varied form: other words, spelling, naming, order, format, language
(``lethe.evaluate.variants.kinds.VIEWS``). Accuracy is the share of questions that are answered
(``lethe.metrics._variants``), forgetting efficacy is 1 minus it, and the gap is the difference
between the views [RECON: definitions rebuilt from its abstract; the views in text are ours].
"""

from lethe.common.errors import LetheError
from lethe.evaluate.variants.kinds import PLAIN, VIEWS
from lethe.metrics._variants import Answered, answered, compared
from lethe.metrics.base import CheckpointValues, Inputs, harmonic_mean, mean, recorded_oracle

SUITE = "variants"
SETS = ("forget", "retain")
ORACLE_RECORDS = True
WITHOUT_ORACLE = True
SETTINGS = {"threshold": {"default": 0.5, "above": 0, "most": 1}}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Accuracies in [0, 1] of the forget set, and what follows from them.

    ``trained``; ``unseen``: the mean over an item's unseen views; ``gap``: unseen minus trained;
    ``efficacy_V``: 1 minus the accuracy in view V; ``utility``: the accuracy of the retain set's
    trained view, ``utility_unseen`` of its unseen ones; ``harmonic_V``: harmonic mean of efficacy
    and utility in view V; ``unseen_K``: accuracy in the unseen view K; ``oracle_trained``,
    ``oracle_unseen``, ``oracle_gap``; ``beyond_oracle``: the mean of the items' differences in
    unseen views; ``questions``. LetheError where no question has both views.
    """
    oracle = recorded_oracle(inputs)
    return [_checkpoint(inputs, checkpoint, oracle) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint, oracle) -> CheckpointValues:
    own = answered(inputs, checkpoint, "forget")
    items = _both(inputs, own, "forget")
    retain = _both(inputs, answered(inputs, checkpoint, "retain"), "retain")
    utility = {view: mean(some) for view, some in retain.items()}
    values = {"questions": len(items["trained"]), "utility": utility["trained"]}
    values["utility_unseen"] = utility["unseen"]
    for view in ("trained", "unseen"):
        efficacy = 1 - mean(items[view])
        values[f"efficacy_{view}"] = efficacy
        values[f"harmonic_{view}"] = harmonic_mean([efficacy, utility[view]])
    for kind in VIEWS:
        some = [value for value in own.get(kind, ()) if value is not None]
        if some:
            items[f"unseen_{kind}"] = some
    if oracle is not None:
        theirs = _both(inputs, compared(inputs, checkpoint, oracle, "forget"), "forget")
        both = zip(items["unseen"], theirs["unseen"], strict=True)
        items |= {f"oracle_{view}": some for view, some in theirs.items()}
        items["beyond_oracle"] = [mine - his for mine, his in both]
    values |= {key: mean(some) for key, some in items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _both(inputs: Inputs, side: Answered, name: str) -> dict[str, list[float]]:
    """By view, the values of the items that have both, and their difference."""
    items: dict[str, list[float]] = {"trained": [], "unseen": [], "gap": []}
    for place, trained in enumerate(side[PLAIN]):
        unseen = [side[kind][place] for kind in VIEWS if kind in side]
        unseen = [value for value in unseen if value is not None]
        if trained is not None and unseen:
            items["trained"].append(trained)
            items["unseen"].append(mean(unseen))
            items["gap"].append(mean(unseen) - trained)
    if not items["trained"]:
        raise LetheError(
            f"{inputs.records.path}: no {name} question has both a trained and an unseen view; "
            f"add some of {', '.join(VIEWS)} to the suite's kinds"
        )
    return items
