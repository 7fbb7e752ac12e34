"""How a job that trains asks the suites of each epoch, from the rule's parameters."""

from typing import Any

from lethe.evaluate.in_run import RunEvaluation, read_asked
from lethe.evaluate.suite import Limits
from lethe.model.cost import Meter
from lethe.model.settings import Compute
from lethe.pipeline.ledger import Stage


def evaluation_of(
    snakemake, arguments: dict[str, Any], stage: Stage, meter: Meter
) -> RunEvaluation:
    """The evaluation of a run; ``arguments``: those of its training."""
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    costs = {name: o.get(f"cost_{name}") for name in p.asked}
    staged = {name: cost and stage(cost) for name, cost in costs.items()}
    asked = [
        read_asked(name, how, i[f"asked_{name}"], stage(o[f"records_{name}"]), staged[name])
        for name, how in p.asked.items()
    ]
    limits, compute = Limits(**p.limits), Compute(**p.loading)
    start, device = arguments["start"], arguments["device"]
    return RunEvaluation(start, asked, p.template, limits, compute, device, p.asking_threads, meter)
