"""Worst-case leakage: the share of questions answered under at least one of B attacks.

An attack is a way of putting every question: plainly, or by one kind of reformulation. The set of B
attacks that gets most questions answered counts; the oracle is attacked under the same budget, by
the set that gets most of its own answers. A question that a kind was not put to, or where that kind
leaves no novel word (``lethe.metrics._variants``), is not answered by it.
"""

from itertools import combinations

from lethe.common.errors import LetheError
from lethe.evaluate.variants.kinds import KINDS, PLAIN
from lethe.metrics._variants import Answered, answered, compared
from lethe.metrics.base import CheckpointValues, Inputs, items_of, mean, recorded_oracle

SUITE = "variants"
SETS = ("forget",)
ORACLE_RECORDS = True
WITHOUT_ORACLE = True
SETTINGS = {
    "budget": {"default": 4, "least": 1},
    "threshold": {"default": 0.5, "above": 0, "most": 1},
}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """Shares in [0, 1] under a budget of B attacks, or of all if there are fewer.

    ``forget``: answered by one of the worst B; ``oracle``: the same of the oracle;
    ``beyond_oracle``: the mean of the differences of items; ``forget_at_J`` and ``oracle_at_J``:
    under J attacks, J a power of two or all; ``plain``: by the plain question; ``budget``: B;
    ``attacks``: how many there are; ``answers``: how many answers of each question the budget
    takes; ``questions``, ``left_out``. LetheError where no question counts, and where the oracle
    was asked differently.
    """
    oracle = recorded_oracle(inputs)
    return [_checkpoint(inputs, checkpoint, oracle) for checkpoint in inputs.records.checkpoints]


def worst(masks: list[int], budget: int) -> int:
    """The union of the ``budget`` masks that has the most bits; of equal ones the first."""
    best = 0
    for chosen in combinations(masks, budget):
        union = 0
        for mask in chosen:
            union |= mask
        if union.bit_count() > best.bit_count():
            best = union
    return best


def _checkpoint(inputs: Inputs, checkpoint, oracle) -> CheckpointValues:
    (name,) = SETS
    own = answered(inputs, checkpoint, name)
    places = _counted(own)
    if not places:
        raise LetheError(
            f"{inputs.records.path}: no variant of a {name} question leaves a novel word of its "
            "answer, so nothing could leak; leave out the metric worst_case_leak"
        )
    attacks = [kind for kind in [PLAIN, *KINDS] if kind in own]
    budget = min(inputs.settings["budget"], len(attacks))
    sides = {name: _masks(own, attacks, places)}
    if oracle is not None:
        theirs = compared(inputs, checkpoint, oracle, name)
        sides["oracle"] = _masks(theirs, attacks, places)
    items = {side: _bits(worst(masks, budget), len(places)) for side, masks in sides.items()}
    if oracle is not None:
        both = zip(items[name], items["oracle"], strict=True)
        items["beyond_oracle"] = [mine - his for mine, his in both]
    values = {key: mean(some) for key, some in items.items()}
    for side, masks in sides.items():
        for at in _powers(len(attacks)):
            values[f"{side}_at_{at}"] = worst(masks, at).bit_count() / len(places)
    values[PLAIN] = mean(_bits(sides[name][0], len(places)))
    each = _answers(items_of(inputs, checkpoint, name))
    values |= {"budget": budget, "attacks": len(attacks), "answers": budget * each}
    values |= {"questions": len(places), "left_out": len(own[PLAIN]) - len(places)}
    questions = {name: [items_of(inputs, checkpoint, name).question[k] for k in places]}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items, questions)


def _counted(own: Answered) -> list[int]:
    """The indices of the questions that at least one attack can answer."""
    rows = zip(*own.values(), strict=True)
    return [k for k, row in enumerate(rows) if any(value is not None for value in row)]


def _masks(side: Answered, attacks: list[str], places: list[int]) -> list[int]:
    """For each attack the questions that it answers, as the bits of a number."""
    return [
        sum(1 << bit for bit, place in enumerate(places) if side[kind][place]) for kind in attacks
    ]


def _bits(mask: int, count: int) -> list[float]:
    return [float(mask >> bit & 1) for bit in range(count)]


def _powers(attacks: int) -> list[int]:
    """The powers of two below the number of attacks, and that number."""
    below = [2**power for power in range(attacks.bit_length()) if 2**power < attacks]
    return [*below, attacks]


def _answers(items) -> int:
    """How many answers an attack takes to each question: one, and the samples."""
    if items.sample is None:
        return 1
    return 1 + len(items.sample[0]) // len(items.prompt[0])
