"""The numbers behind model utility, from evaluation logs, with their intervals over items."""

from common import job

from lethe.analysis.intervals import write_intervals
from lethe.analysis.scores import write_scores
from lethe.report.paper.log_scores import build

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    scores, intervals = build(p.entries, p.variant)
    write_scores(scores, stage(out.scores))
    write_intervals(intervals, stage(out.intervals))
