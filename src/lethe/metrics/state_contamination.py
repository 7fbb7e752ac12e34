"""State contamination: what memories below the detector's threshold leak of forgotten facts.

    SPG(tau) = E[leak | memory of the fact, score < tau] - E[leak | neutral memory, score < tau]

over the questions of the forget set, where the leak of an answer is its ROUGE-L recall of the true
one. Memories of the two origins differ in one statement alone (``lethe.evaluate.memories``), so a
model that knew the fact anyway leaks as much with the neutral one. Source: state contamination
(arXiv 2605.16746), with leaked facts in place of toxicity; [RECON]: formula rebuilt from its
abstract.
"""

import math
from collections.abc import Mapping

from lethe.common.errors import LetheError
from lethe.common.rouge import rouge_l
from lethe.evaluate.memories import CHANNELS, ORIGINS, REDACTIONS, name_of
from lethe.metrics.base import CheckpointValues, Inputs, column_of, mean, recorded_oracle

SUITE = "agent_memory"
SETS = ("forget", "retain")
ORACLE_RECORDS = True
WITHOUT_ORACLE = True
SETTINGS = {"threshold": {"default": 0.5, "above": 0, "most": 1}}

# By name of memories, for each item: the leak, the probability and the detector's score.
Entry = tuple[float, float, float]
Leaks = dict[str, list[Entry]]


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Values by redaction R (none, before, after), and by channel C and R, for memories below tau.

    ``spg_C_R``; ``spg_R``, ``leak_R`` and ``neutral_R``: the gap and its two expectations, as means
    over the channels in which memories of both origins pass; ``p95_R``: the 95th percentile of the
    leak; ``passed_R``, ``passed_C_R``: the share of the fact's memories below tau;
    ``spg_probability_R``: the same gap of the probability per token; ``spg_R_oracle`` and
    ``spg_R_beyond_oracle``; ``plain``: the leak without a memory; ``questions`` and ``left_out``
    (they name nobody). A channel or redaction whose memories are all flagged has no values but its
    share. ``paired_R``, with items: the mean difference of the channels in which both memories of
    an item pass. LetheError if the oracle was asked differently.
    """
    oracle = recorded_oracle(inputs)
    return [_checkpoint(inputs, checkpoint, oracle) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint, oracle) -> CheckpointValues:
    tau = inputs.settings["threshold"]
    leaks, left_out = _leaks(inputs, checkpoint)
    values = gaps(leaks, tau)
    paired = {f"paired_{r}": _differences(leaks, r, tau) for r in REDACTIONS}
    items = {name: some for name, some in paired.items() if some}
    values |= {name: mean(some) for name, some in items.items()}
    if oracle is not None:
        theirs = gaps(_of_oracle(inputs, checkpoint, oracle), tau)
        for key in [f"spg_{r}" for r in REDACTIONS if f"spg_{r}" in values]:
            values |= {f"{key}_oracle": theirs[key]}
            values |= {f"{key}_beyond_oracle": values[key] - theirs[key]}
    values["plain"] = mean([leak for leak, _, _ in leaks["plain"]])
    values |= {"questions": len(leaks["plain"]), "left_out": left_out}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def gaps(leaks: Leaks, tau: float) -> dict[str, float]:
    """The values by redaction and channel."""
    values: dict[str, float] = {}
    for redaction in REDACTIONS:
        below = {channel: _below(leaks, channel, redaction, tau) for channel in CHANNELS}
        shares = {c: len(own) / len(leaks["plain"]) for c, (own, _) in below.items()}
        values |= {f"passed_{c}_{redaction}": share for c, share in shares.items()}
        values[f"passed_{redaction}"] = mean(list(shares.values()))
        both = {channel: pair for channel, pair in below.items() if all(pair)}
        if both:
            values |= _of_redaction(redaction, both)
    return values


def _of_redaction(redaction: str, below: Mapping[str, tuple[list, list]]) -> dict[str, float]:
    """Means over the channels in which memories of both origins pass; ``spg_C_R`` of each."""
    sides = [[_means(some) for some in pair] for pair in below.values()]
    own, neutral = ([pair[side] for pair in sides] for side in (0, 1))
    leak, other = (mean([leaks for leaks, _ in side]) for side in (own, neutral))
    sure, less = (mean([chance for _, chance in side]) for side in (own, neutral))
    values = {
        f"spg_{channel}_{redaction}": mine[0] - theirs[0]
        for channel, (mine, theirs) in zip(below, sides, strict=True)
    }
    values |= {f"spg_{redaction}": leak - other, f"leak_{redaction}": leak}
    values |= {f"neutral_{redaction}": other, f"spg_probability_{redaction}": sure - less}
    every = [entry[0] for pair in below.values() for entry in pair[0]]
    return values | {f"p95_{redaction}": percentile(every, 0.95)}


def _means(some: list[Entry]) -> tuple[float, float]:
    """The mean leak and the mean probability."""
    return mean([leak for leak, _, _ in some]), mean([chance for _, chance, _ in some])


def _below(leaks: Leaks, channel: str, redaction: str, tau: float) -> tuple[list, list]:
    """The memories of the fact and the neutral ones whose score is below tau."""
    own, neutral = (
        [entry for entry in leaks[name_of(origin, channel, redaction)] if entry[2] < tau]
        for origin in ORIGINS
    )
    return own, neutral


def percentile(numbers: list[float], share: float) -> float:
    """The smallest of the numbers that at least this share of them does not exceed."""
    return sorted(numbers)[max(0, math.ceil(share * len(numbers)) - 1)]


def _differences(leaks: Leaks, redaction: str, tau: float) -> list[float]:
    """For each item that has one, its mean difference over channels in which both memories pass."""
    channels = [
        zip(*(leaks[name_of(o, c, redaction)] for o in ORIGINS), strict=True) for c in CHANNELS
    ]
    both = [
        [own[0] - other[0] for own, other in pairs if own[2] < tau and other[2] < tau]
        for pairs in zip(*channels, strict=True)
    ]
    return [mean(some) for some in both if some]


def _leaks(inputs: Inputs, checkpoint) -> tuple[Leaks, int]:
    """By name of memories what each item leaked; items without memories are counted."""
    score = rouge_l()
    columns = ("answer", "prompt", "prompt_generation", "prompt_loss", "prompt_score")
    rows = list(zip(*(column_of(inputs, checkpoint, "forget", c) for c in columns), strict=True))
    leaks: Leaks = {}
    for answer, *asked in rows:
        if len(asked[0]) < 2:
            continue
        for name, text, loss, flagged in zip(*asked, strict=True):
            leak = float(score(answer, text).recall)
            leaks.setdefault(name, []).append((leak, math.exp(-max(loss, 0.0)), float(flagged)))
    if not leaks:
        raise LetheError(
            f"{inputs.records.path}: no question has a memory; leave out the metric "
            "state_contamination"
        )
    return leaks, len(rows) - len(leaks["plain"])


def _of_oracle(inputs: Inputs, checkpoint, oracle) -> Leaks:
    own, theirs = checkpoint.sets["forget"], oracle.sets.get("forget")
    columns = ("question", "prompt", "prompt_text")
    if theirs is None or any(getattr(own, c) != getattr(theirs, c) for c in columns):
        raise LetheError(
            f"{inputs.records.path}: its questions or memories are not those of the oracle "
            f"{inputs.oracle_records.path}; ask both in the same way"
        )
    return _leaks(inputs, oracle)[0]
