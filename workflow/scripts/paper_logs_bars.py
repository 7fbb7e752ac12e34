"""The nine numbers of model utility of a finetuned model and an oracle, from scores of logs."""

from common import job

from lethe.paper.style import render
from lethe.paper.utility_bars import draw
from lethe.tables.intervals import read_intervals
from lethe.tables.scores import read_scores

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    i = snakemake.input
    scores, intervals = read_scores(i.scores), read_intervals(i.intervals)
    render(lambda: draw(scores, intervals, p.model, p.split), stage(out.pdf), stage(out.png))
