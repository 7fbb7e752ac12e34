"""Make the authors of a world, or read published ones, and write their files and the card."""

from common import job

from lethe.world.provider import provider
from lethe.world.tofu_format import FACT_FILES, write_authors
from lethe.world.traces import traced

with job(snakemake) as stage:
    p, i = snakemake.params, snakemake.input
    files = {name: stage(path) for name, path in snakemake.output.items()}
    files |= {name: i[name] for name in FACT_FILES}
    write_authors(
        traced(provider(p.provider, **p.settings), p.get("traces")),
        files,
        authors=p.authors,
        holdout=p.holdout_authors,
        perturbed_retain_authors=p.perturbed_retain_authors,
    )
