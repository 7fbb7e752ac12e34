"""The numbers behind model utility, from evaluation logs."""

from common import job

from lethe.paper.log_scores import build
from lethe.tables.scores import write_scores

with job(snakemake) as stage:
    p = snakemake.params
    write_scores(build(p.entries, p.variant), stage(snakemake.output[0]))
