"""Figure 4 of one model: histograms and distribution functions of the truth ratio."""

from common import job

from lethe.analysis.log_scores import read_log
from lethe.evaluate.records import read_records
from lethe.report.paper.evaluations import Evaluations
from lethe.report.paper.style import render
from lethe.report.paper.truth_ratios import draw

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    read = read_log if p.from_logs else read_records
    evaluations = Evaluations(p.entries, p.variant, read)
    render(lambda: draw(evaluations, p.model, p.other, p.split), stage(out.pdf), stage(out.png))
