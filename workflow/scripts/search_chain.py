"""Rank the proposed trials of a search on one half of the forget set, report them on the other."""

from common import job

from lethe.common.files import write_json
from lethe.pipeline.search_batches import Measured, changes, ranked

with job(snakemake) as stage:
    p, i = snakemake.params, snakemake.input
    measured = Measured(i.ratios, i.utilities, i.oracle, i.full)
    ranking = ranked(changes(p.start, i.batches, p.several), measured)
    write_json(stage(snakemake.output[0]), ranking, indent=1)
