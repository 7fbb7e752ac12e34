"""Cut one split out of a world with pictures: its rows of text, and those with pictures."""

from pathlib import Path

from common import job

from lethe.world.pictures.request_split import pictured
from lethe.world.pictures.settings import Pictures
from lethe.world.pictures.split import write
from lethe.world.split import split

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    write(
        pictured(split(p.split, p.settings), Pictures.model_validate(p.pictures), p.probes),
        snakemake.input,
        lambda part: stage(Path(out[part])),
    )
