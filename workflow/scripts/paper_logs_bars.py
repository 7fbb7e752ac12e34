"""The nine numbers of model utility of a finetuned model and an oracle, from scores of logs."""

from common import job

from lethe.paper.style import render
from lethe.paper.utility_bars import draw
from lethe.tables.scores import read_scores

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    scores = read_scores(snakemake.input[0])
    render(lambda: draw(scores, p.model, p.split), stage(out.pdf), stage(out.png))
