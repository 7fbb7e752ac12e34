"""Write the rows that a recipe's base learns, and what is in them."""

from common import job

from lethe.common.files import write_rows, write_text
from lethe.world.synthetic import mixture

with job(snakemake) as stage:
    mixtures = [mixture.Mixture(**asked) for asked in snakemake.params.mixtures]
    learned = [mixture.rows(asked) for asked in mixtures]
    write_rows(stage(snakemake.output.rows), mixture.by_stage(learned))
    write_text(stage(snakemake.output.card), mixture.cards(mixtures, learned))
