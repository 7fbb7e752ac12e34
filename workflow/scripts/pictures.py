"""Draw a picture of each author, and write the rows that are asked with pictures."""

from common import job

from lethe.world.pictures.making import write_pictures
from lethe.world.pictures.settings import Pictures
from lethe.world.provider import provider

with job(snakemake) as stage:
    p = snakemake.params
    write_pictures(
        provider(p.provider, **p.settings),
        Pictures.model_validate(p.pictures),
        {name: stage(path) for name, path in snakemake.output.items()},
        authors=p.authors,
        holdout=p.holdout_authors,
    )
