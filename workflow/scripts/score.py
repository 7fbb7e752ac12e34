"""Compute one metric of one run from its records or from other metrics; no model is loaded."""

from common import job

from lethe.metrics import score

with job(snakemake) as stage:
    i, p = snakemake.input, snakemake.params
    score(
        snakemake.wildcards.metric,
        i.records or None,
        dict(zip(p.needs, i.needs, strict=True)),
        # Metrics without a comparison with oracle, full model or base have no such files.
        dict(zip(p.needs, i.oracle, strict=True)) if i.oracle else None,
        dict(zip(p.needs, i.full, strict=True)) if i.full else None,
        stage(snakemake.output[0]),
        i.oracle_records or None,
        i.before or None,
        i.oracle_before or None,
        dict(zip(p.needs, i.base, strict=True)) if i.base else None,
        list(i.oracles),
        **p.settings,
    )
