"""Gather the numbers of all metric files into one tidy table."""

from common import job

from lethe.analysis.scores import collect_scores, write_scores

with job(snakemake) as stage:
    write_scores(collect_scores(snakemake.params.entries), stage(snakemake.output[0]))
