"""Note the date and the commit at which a world's claims were judged."""

from common import job

from lethe.common.files import write_json
from lethe.pipeline.revision import revision

with job(snakemake) as stage:
    write_json(stage(snakemake.output[0]), revision(), indent=1)
