"""Compute one metric of one run from its records, or from other metrics of it; no model is loaded."""

from common import job
from lethe.metrics import score

with job(snakemake) as stage:
    i, p = snakemake.input, snakemake.params
    score(
        snakemake.wildcards.metric,
        i.get("records"),
        dict(zip(p.needs, i.get("needs", []), strict=True)),
        dict(zip(p.needs, i.get("oracle", p.needs), strict=True)),
        stage(snakemake.output[0]),
        **p.settings,
    )
