"""Make an exhibit of the paper: its tables and figures."""

from common import job

from lethe.report.paper.exhibit_data import write

with job(snakemake) as stage:
    i, p = snakemake.input, snakemake.params
    write(
        p.exhibit,
        {suffix: stage(file) for suffix, file in snakemake.output.items()},
        scores=i.get("scores"),
        intervals=i.get("intervals"),
        **p.made_of,
        **p.about,
    )
