"""Propose the next trials of a search from the validation scores of those before."""

from common import job

from lethe.common.files import write_json
from lethe.pipeline.search_batches import Measured, propose_batch
from lethe.pipeline.search_points import from_plain

with job(snakemake) as stage:
    p, i = snakemake.params, snakemake.input
    document = propose_batch(
        space=from_plain(p.space),
        strategy=p.strategy,
        names=p.names,
        before=p.before,
        batches=i.batches,
        measured=Measured(i.ratios, i.utilities, i.oracle, i.full),
        key=f"{p.key}/{snakemake.wildcards.model}/{snakemake.wildcards.split}",
        left=p.left,
    )
    write_json(stage(snakemake.output[0]), document, indent=1)
