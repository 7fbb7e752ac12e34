"""Draw one figure of one model and split, as PDF and PNG."""

from common import job

from lethe.analysis.costs import read_costs
from lethe.analysis.intervals import read_intervals
from lethe.analysis.scores import read_scores
from lethe.report.figures import render
from lethe.report.figures.base import FigureData, read_lineage

with job(snakemake) as stage:
    i, p, out, w = snakemake.input, snakemake.params, snakemake.output, snakemake.wildcards
    scores = read_scores(i.scores)
    # A figure has only the inputs that it reads.
    intervals = read_intervals(i.intervals) if i.get("intervals") else None
    costs = read_costs(i.costs) if i.get("costs") else None
    lineage = read_lineage(i.lineage) if i.get("lineage") else None
    place = (w.model, w.split, p.methods, p.seeds)
    more = (p.oracle, lineage, p.get("defences", ()), p.get("supervisions", ()))
    data = FigureData.of(scores, *place, p.entries, intervals, costs, *more)
    if p.get("shares"):
        data = data.with_shares(scores, p.shares, intervals)
    render(p.figure, data, stage(out.pdf), stage(out.png))
