"""Bootstrap the items of all metric files: an interval for each value that averages items."""

from common import job

from lethe.analysis.bootstrap import collect_intervals
from lethe.analysis.intervals import write_intervals

with job(snakemake) as stage:
    write_intervals(collect_intervals(snakemake.params.entries), stage(snakemake.output[0]))
