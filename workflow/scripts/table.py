"""Write one table of the scores, as CSV and as Markdown."""

from common import job

from lethe.tables import render

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    render(p.table, snakemake.input[0], p.methods, p.seeds, stage(out.csv), stage(out.markdown))
