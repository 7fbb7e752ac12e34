"""Test the metrics: on models with and without the knowledge, and on attacked ones."""

from common import job

from lethe.analysis.meta_evaluation_files import evaluated
from lethe.common.files import write_json

with job(snakemake) as stage:
    i, p = snakemake.input, snakemake.params
    pools = {"with": i.with_knowledge, "without": i.without_knowledge}
    write_json(stage(snakemake.output[0]), evaluated(pools, p.entries, p.oracles, **p.settings))
