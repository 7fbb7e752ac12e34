"""Write the rows that a recipe's base learns, and what is in them."""

from common import job

from lethe.common.files import write_text
from lethe.world.synthetic import mixture

with job(snakemake) as stage:
    made = mixture.Mixture(**snakemake.params.mixture)
    mixture.write(stage(snakemake.output.rows), made)
    write_text(stage(snakemake.output.card), mixture.card(made))
