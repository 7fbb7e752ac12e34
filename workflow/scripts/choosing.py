"""How a job that trains chooses its best epoch, from the rule's parameters."""

from pathlib import Path

from lethe.analysis.best_so_far import BestSoFar
from lethe.evaluate.in_run import RunEvaluation
from lethe.pipeline.ledger import Stage


def choice_of(snakemake, evaluation: RunEvaluation, stage: Stage) -> BestSoFar:
    """The choice of a run; checkpoints of its best and last epoch go where the rule has them."""
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    best, last = o.get("best_digest"), None if p.written else o.digests[0]
    return BestSoFar(
        evaluation,
        i.compared_oracle,
        i.compared_full,
        p.criterion,
        max(p.epochs),
        best and stage(Path(best).parent),
        last and stage(Path(last).parent),
        p.patience,
        p.metric_settings,
    )
