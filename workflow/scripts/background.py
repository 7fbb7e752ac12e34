"""Write background authors, disjoint from the world's, in several phrasings."""

from common import job

from lethe.common.files import write_rows
from lethe.world.background import names_in
from lethe.world.providers.synthetic import Provider
from lethe.world.rows import read_qa

with job(snakemake) as stage:
    p = snakemake.params
    taken = names_in(read_qa(snakemake.input.full)) if snakemake.input.get("full") else frozenset()
    rows = Provider(seed=p.seed).background(p.authors, p.phrasings, exclude=taken)
    write_rows(stage(snakemake.output[0]), rows)
