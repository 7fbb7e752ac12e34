"""Unlearning Depth Score: is a fact gone from the layers, or only from the answer? (2605.24614)

D_l is the drop in the log-probability of the fact's tokens under the model before unlearning when
its states after layer l are another model's (suite ``depth``). Layers whose D_l with the oracle's
states exceeds ``threshold`` encode the fact: K. For an item

    depth = sum over K of D_l(oracle) * r_l / sum over K of D_l(oracle)
    r_l   = D_l(run) / D_l(oracle), clipped to [0, 1]: how much of it the run has erased in layer l

and the value is the mean over the items that have such a layer. 0: every layer still carries what
the full model's does; 1: none carries more than the oracle's.
"""

from math import fsum

from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, Inputs, column_of, mean, only_recorded

SUITE = "depth"
SETS = ("forget",)
ORACLE_RECORDS = True
SETTINGS = {"threshold": {"default": 0.05, "above": 0}}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``depth`` in [0, 1], with its items; the mean r_l of each layer; the counts.

    ``erased_L``: mean r_l of layer L (from 0) over the items in which it encodes the fact, for the
    layers that do so in any; ``questions``: how many items count; ``no_fact``: items without a
    token of a fact; ``not_encoded``: items without such a layer. LetheError if no item is left, and
    if the oracle was asked other questions or has other layers.
    """
    oracle = only_recorded(inputs.oracle_records, "an oracle")
    return [_checkpoint(inputs, checkpoint, oracle) for checkpoint in inputs.records.checkpoints]


def erased(own: float, oracle: float) -> float:
    """r_l: D_l of the run over that of the oracle (above 0), clipped to [0, 1]."""
    return min(1.0, max(0.0, own / oracle))


def depth_of(own, oracle, threshold: float) -> tuple[float, dict[int, float]] | None:
    """An item's depth and r_l by layer, from D_l of run and oracle; None if no layer encodes it."""
    layers = [number for number, delta in enumerate(oracle) if delta > threshold]
    if not layers:
        return None
    shares = {number: erased(own[number], oracle[number]) for number in layers}
    weighed = fsum(oracle[number] * share for number, share in shares.items())
    return weighed / fsum(oracle[number] for number in layers), shares


def _checkpoint(inputs: Inputs, checkpoint, oracle) -> CheckpointValues:
    (name,) = SETS
    own = column_of(inputs, checkpoint, name, "layer_delta")
    _same(inputs, checkpoint, oracle, name)
    pairs = zip(own, oracle.sets[name].layer_delta, strict=True)
    scored = [depth_of(mine, ideal, inputs.settings["threshold"]) for mine, ideal in pairs]
    questions = column_of(inputs, checkpoint, name, "question")
    counted = [question for question, item in zip(questions, scored, strict=True) if item]
    if not counted:
        raise LetheError(
            f"{inputs.records.path}: in no layer do the oracle's states lower the probability of a "
            f"fact by more than {inputs.settings['threshold']} nats; lower depth.threshold, or "
            "leave out the metric depth"
        )
    items = {name: [item[0] for item in scored if item]}
    values = {"depth": mean(items[name]), **_by_layer([item[1] for item in scored if item])}
    values["questions"] = len(counted)
    values["no_fact"] = sum(len(row) == 0 for row in own)
    values["not_encoded"] = len(own) - values["questions"] - values["no_fact"]
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items, {name: counted})


def _by_layer(shares: list[dict[int, float]]) -> dict[str, float]:
    layers = sorted({layer for item in shares for layer in item})
    return {
        f"erased_{layer}": mean([item[layer] for item in shares if layer in item])
        for layer in layers
    }


def _same(inputs: Inputs, checkpoint, oracle, name: str) -> None:
    """LetheError unless the oracle was asked the same and has the same layers."""
    own, theirs = checkpoint.sets[name], oracle.sets.get(name)
    if theirs is None or own.question != theirs.question or own.entity != theirs.entity:
        raise LetheError(
            f"{inputs.records.path}: its {name} questions or their facts are not those of the "
            f"oracle {inputs.oracle_records.path}; evaluate both on the same sets"
        )
    if list(map(len, own.layer_delta)) != list(map(len, theirs.layer_delta)):
        raise LetheError(
            f"{inputs.records.path}: the oracle {inputs.oracle_records.path} has another number "
            "of layers; name an oracle of the same architecture"
        )
