"""Draw one figure of one model and split, as PDF and PNG."""

from common import job

from lethe.figures import render
from lethe.figures.base import FigureData
from lethe.tables.intervals import read_intervals
from lethe.tables.scores import read_scores

with job(snakemake) as stage:
    i, p, out, w = snakemake.input, snakemake.params, snakemake.output, snakemake.wildcards
    scores, intervals = read_scores(i.scores), read_intervals(i.intervals)
    data = FigureData.of(scores, w.model, w.split, p.methods, p.seeds, p.entries, intervals)
    render(p.figure, data, stage(out.pdf), stage(out.png))
