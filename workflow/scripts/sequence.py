"""What became of a run over a sequence of requests, or of full or an oracle on its questions."""

from common import job

from lethe.analysis.sequences import write_sequence

with job(snakemake) as stage:
    i, p = snakemake.input, snakemake.params
    write_sequence(stage(snakemake.output[0]), list(i.full), list(i.run), p.unchanged)
