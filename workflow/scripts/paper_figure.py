"""A figure of runs that unlearn: one panel or more, each of one model and split."""

from importlib import import_module

from common import job

from lethe.analysis.scores import read_scores
from lethe.report.figures.base import FigureData
from lethe.report.paper.style import render

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    scores = read_scores(snakemake.input[0])
    panels = [FigureData.of(scores, *place, list(p.methods), p.seeds) for place in p.panels]
    draw = import_module(f"lethe.report.paper.{p.exhibit}").draw
    render(lambda: draw(panels, p.methods), stage(out.pdf), stage(out.png))
