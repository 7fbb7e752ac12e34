"""Draw one figure of one model and split, as PDF and PNG."""

from common import job

from lethe.figures import render
from lethe.figures.base import FigureData
from lethe.tables.scores import read_scores

with job(snakemake) as stage:
    p, out, w = snakemake.params, snakemake.output, snakemake.wildcards
    scores = read_scores(snakemake.input.scores)
    data = FigureData.of(scores, w.model, w.split, p.methods, p.seeds, p.entries)
    render(p.figure, data, stage(out.pdf), stage(out.png))
