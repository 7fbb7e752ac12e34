"""The numbers behind model utility, from evaluation logs, with their intervals over items."""

from common import job

from lethe.paper.log_scores import build
from lethe.tables.intervals import write_intervals
from lethe.tables.scores import write_scores

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    scores, intervals = build(p.entries, p.variant)
    write_scores(scores, stage(out.scores))
    write_intervals(intervals, stage(out.intervals))
