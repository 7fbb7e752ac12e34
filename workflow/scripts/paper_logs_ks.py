"""Every Kolmogorov-Smirnov value that evaluation logs give, beside the paper's printed one."""

from common import job

from lethe.analysis.log_scores import read_log
from lethe.common.files import write_text
from lethe.report.paper.comparison import build, markdown
from lethe.report.paper.evaluations import Evaluations

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    table = build(Evaluations(p.entries, p.variant, read_log))
    table.to_csv(stage(out.csv), index=False, lineterminator="\n")
    write_text(stage(out.markdown), markdown(table))
