"""NPO's synthetic study: how far gradient ascent and NPO move a small classifier."""

from common import job

from lethe.analysis.scores import write_numbers
from lethe.report import style
from lethe.report.studies import npo_divergence

with job(snakemake) as stage:
    out, table = snakemake.output, npo_divergence.run()
    write_numbers(table, stage(out.csv))
    with style.paper():
        style.save(npo_divergence.draw(table), stage(out.pdf), stage(out.png))
