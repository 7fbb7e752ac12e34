"""Make a world, or read a published one, and write its files that belong to no split."""

from pathlib import Path

from common import job

from lethe.world import provider
from lethe.world.files import write_world

with job(snakemake) as stage:
    p = snakemake.params
    source = provider(p.provider, **p.settings)
    write_world(
        source,
        stage(Path(snakemake.output[0]).parent),
        authors=p.authors,
        holdout=p.holdout_authors,
        perturbed_retain_authors=p.perturbed_retain_authors,
    )
