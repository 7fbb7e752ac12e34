"""Write background authors, disjoint from the world's, in several phrasings."""

from common import job

from lethe.world.synthetic.background import write_background

with job(snakemake) as stage:
    p = snakemake.params
    write_background(
        stage(snakemake.output[0]),
        seed=p.seed,
        authors=p.authors,
        phrasings=p.phrasings,
        apart_from=snakemake.input.get("full"),
    )
