"""Cut one split out of a world: forget, retain, perturbed and holdout rows, and further parts."""

from pathlib import Path

from common import job

from lethe.world.split import split, write

with job(snakemake) as stage:
    p = snakemake.params
    out = snakemake.output
    write(
        split(p.split, p.settings),
        snakemake.input,
        lambda part: stage(Path(out[part])),
        answers_only=p.get("answers_only", False),
    )
