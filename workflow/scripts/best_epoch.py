"""Choose a run's best epoch on one half of the forget items."""

from common import job

from lethe.analysis.best_epoch import chosen_epoch
from lethe.common.files import write_json

with job(snakemake) as stage:
    i = snakemake.input
    epoch = chosen_epoch(i.ratios, i.utilities, i.oracle, i.full, snakemake.params.criterion)
    write_json(stage(snakemake.output[0]), {"epoch": epoch})
