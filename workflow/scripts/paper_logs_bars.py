"""The nine numbers of model utility of a finetuned model and an oracle, from scores of logs."""

from common import job

from lethe.analysis.intervals import read_intervals
from lethe.analysis.scores import read_scores
from lethe.report.paper.style import render
from lethe.report.paper.utility_bars import draw

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    i = snakemake.input
    scores, intervals = read_scores(i.scores), read_intervals(i.intervals)
    render(lambda: draw(scores, intervals, p.model, p.split), stage(out.pdf), stage(out.png))
