"""Write what no author of a world changes: true facts and refusals."""

from common import job

from lethe.world import provider
from lethe.world.files import write_facts

with job(snakemake) as stage:
    p = snakemake.params
    files = {name: stage(path) for name, path in snakemake.output.items()}
    write_facts(provider(p.provider, **p.settings), files)
