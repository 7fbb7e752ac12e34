"""A figure of runs that unlearn: one panel or more, each of one model and split."""

from importlib import import_module

from common import job

from lethe.figures.base import FigureData
from lethe.paper.style import render
from lethe.tables.scores import read_scores

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    scores = read_scores(snakemake.input[0])
    panels = [FigureData.of(scores, *place, list(p.methods), p.seeds) for place in p.panels]
    draw = import_module(f"lethe.paper.{p.exhibit}").draw
    render(lambda: draw(panels, p.methods), stage(out.pdf), stage(out.png))
