"""Knowledge recoverability: is what a model does not answer gone? (KR, arXiv 2605.02206.)

Of the forget questions that are not answered when asked plainly, the share that some probe answers:
a paraphrase of the question, other answers about its subject from which it follows, or the true
statement in place of a false one (kinds of the suite ``variants``). The paper writes its probes by
hand; here they are made by rule. The oracle's own share is given beside it: some answers are
guessed.
"""

from lethe.common.errors import LetheError
from lethe.evaluate.variants.kinds import PLAIN
from lethe.metrics._variants import Answered, answered, compared
from lethe.metrics.base import CheckpointValues, Inputs, column_of, mean, recorded_oracle

SUITE = "variants"
SETS = ("forget",)
ORACLE_RECORDS = True
WITHOUT_ORACLE = True
SETTINGS = {
    "probes": {"default": "paraphrase|clue_chain|negation"},
    "threshold": {"default": 0.5, "above": 0, "most": 1},
}
CHECKS = {"probes": "lethe.evaluate.variants.kinds.check_probes"}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``recovered`` in [0, 1] of run and, if there is one, ``oracle``; how many questions count.

    ``unanswered``: forget questions that are not answered and were put as a probe;
    ``oracle_unanswered``: the oracle's; items: 1 for each of the run's that is recovered. The share
    is 0 where no question counts. LetheError for a probe that was not put.
    """
    oracle = recorded_oracle(inputs)
    return [_checkpoint(inputs, checkpoint, oracle) for checkpoint in inputs.records.checkpoints]


def recovered(side: Answered, probes: list[str]) -> dict[int, float]:
    """For each question that is not answered but was probed: 1 if a probe answers it, else 0."""
    items = {}
    for place, plain in enumerate(side[PLAIN]):
        said = [side[probe][place] for probe in probes if side[probe][place] is not None]
        if plain == 0 and said:
            items[place] = max(said)
    return items


def _checkpoint(inputs: Inputs, checkpoint, oracle) -> CheckpointValues:
    (name,) = SETS
    own = answered(inputs, checkpoint, name)
    probes = _probes(inputs, own)
    items = recovered(own, probes)
    values = {"recovered": _share(items), "unanswered": len(items)}
    if oracle is not None:
        theirs = recovered(compared(inputs, checkpoint, oracle, name), probes)
        values |= {"oracle": _share(theirs), "oracle_unanswered": len(theirs)}
    questions = column_of(inputs, checkpoint, name, "question")
    by_set = {"recovered": list(items.values())} if items else {}
    asked = {"recovered": [questions[place] for place in items]} if items else {}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, by_set, asked)


def _probes(inputs: Inputs, own: Answered) -> list[str]:
    probes = inputs.settings["probes"].split("|")
    for probe in probes:
        if probe not in own:
            raise LetheError(
                f"{inputs.records.path}: no question was put as {probe}; add it to "
                "variants.kinds, or leave it out of knowledge_recoverability.probes"
            )
    return probes


def _share(items: dict[int, float]) -> float:
    return mean(list(items.values())) if items else 0.0
