"""Write the rows that a recipe's base learns, and what is in them."""

from common import job

from lethe.common.files import write_rows, write_text
from lethe.world.synthetic import mixture

with job(snakemake) as stage:
    asked = mixture.Mixture(**snakemake.params.mixture)
    rows = mixture.rows(asked)
    write_rows(stage(snakemake.output.rows), rows)
    write_text(stage(snakemake.output.card), mixture.card(asked, rows))
