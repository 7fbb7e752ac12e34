"""Figure 4 of one model: histograms and distribution functions of the truth ratio."""

from common import job

from lethe.logs.report import read_log
from lethe.paper.evaluations import Evaluations
from lethe.paper.style import render
from lethe.paper.truth_ratios import draw
from lethe.records import read_records

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    read = read_log if p.from_logs else read_records
    evaluations = Evaluations(p.entries, p.variant, read)
    render(lambda: draw(evaluations, p.model, p.other, p.split), stage(out.pdf), stage(out.png))
