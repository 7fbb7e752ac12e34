"""Write what does not depend on a world's authors: true facts and refusals."""

from common import job

from lethe.world.provider import provider
from lethe.world.tofu_format import write_facts

with job(snakemake) as stage:
    p = snakemake.params
    files = {name: stage(path) for name, path in snakemake.output.items()}
    write_facts(provider(p.provider, **p.settings), files)
