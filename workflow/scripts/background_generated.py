"""Write generated background authors as rows for the base model."""

from common import job

from lethe.common.files import write_rows
from lethe.world.providers.generated import background_rows

with job(snakemake) as stage:
    i = snakemake.input
    write_rows(stage(snakemake.output[0]), background_rows(i.source, snakemake.params.phrasings))
