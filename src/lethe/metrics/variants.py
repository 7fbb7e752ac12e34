"""Leakage by kind of reformulation: how often a question is answered when it is put otherwise.

Beside each kind is the plain question's share, over the questions that the kind was put to, and
with an oracle the oracle's share by the same rule (``lethe.metrics._variants``).
"""

from lethe.evaluate.variants.kinds import KINDS, PLAIN
from lethe.metrics._variants import Answered, answered, compared, sampled_shares
from lethe.metrics.base import CheckpointValues, Inputs, mean, recorded_oracle

SUITE = "variants"
SETS = ("forget",)
ORACLE_RECORDS = True
WITHOUT_ORACLE = True
SETTINGS = {"threshold": {"default": 0.5, "above": 0, "most": 1}}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """For each kind K, and for ``plain``, shares in [0, 1] of the questions that it was put to.

    ``K``: answered; ``K_plain``: answered when put plainly (not answered, if the plain question
    leaves no novel word); ``K_oracle``: answered by the oracle; ``K_beyond_oracle``: the mean of
    the differences of items; ``K_sampled``: of the samples; ``K_questions``: how many. ``kinds``,
    ``kinds_left_out``: how many were put to some question, and to none, because they were not asked
    for or the data do not supply them.
    """
    oracle = recorded_oracle(inputs)
    return [_checkpoint(inputs, checkpoint, oracle) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint, oracle) -> CheckpointValues:
    (name,) = SETS
    own = answered(inputs, checkpoint, name)
    drawn = sampled_shares(inputs, checkpoint, name)
    theirs = None if oracle is None else compared(inputs, checkpoint, oracle, name)
    items: dict[str, list[float]] = {}
    counts: dict[str, float] = {}
    for kind in [PLAIN, *KINDS]:
        some = _of_kind(kind, own, drawn, theirs)
        items |= some
        if some:
            counts[f"{kind}_questions"] = len(some[kind])
    put = sum(f"{kind}_questions" in counts for kind in KINDS)
    values = {key: mean(some) for key, some in items.items()} | counts
    values |= {"kinds": put, "kinds_left_out": len(KINDS) - put}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _of_kind(
    kind: str, own: Answered, drawn: Answered, theirs: Answered | None
) -> dict[str, list[float]]:
    """The items' values of one kind; empty if it was put to no question."""
    places = [k for k, value in enumerate(own.get(kind, ())) if value is not None]
    if not places:
        return {}
    items = {kind: [own[kind][k] for k in places]}
    if kind != PLAIN:
        items[f"{kind}_plain"] = [own[PLAIN][k] or 0.0 for k in places]
    if drawn:
        items[f"{kind}_sampled"] = [drawn[kind][k] for k in places]
    if theirs is not None:
        items[f"{kind}_oracle"] = [theirs[kind][k] for k in places]
        items[f"{kind}_beyond_oracle"] = [own[kind][k] - theirs[kind][k] for k in places]
    return items
