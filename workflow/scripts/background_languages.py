"""State the rows of background authors in other languages as well, which a base learns to write."""

from common import job

from lethe.world.languages.making import write_background

with job(snakemake) as stage:
    p = snakemake.params
    write_background(stage(snakemake.output[0]), snakemake.input[0], p.languages, p.seed)
