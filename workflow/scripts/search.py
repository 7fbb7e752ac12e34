"""Rank a method's trials on one half of the forget set and report them on the other."""

from common import job

from lethe.analysis.search_ranking import judged
from lethe.common.files import write_json

with job(snakemake) as stage:
    i, changes = snakemake.input, snakemake.params.trials
    ratios, utilities = (
        dict(zip(changes, files, strict=True)) for files in (i.ratios, i.utilities)
    )
    ranking = judged(changes, ratios, utilities, i.oracle, i.full)
    write_json(stage(snakemake.output[0]), ranking, indent=1)
