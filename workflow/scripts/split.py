"""Cut one split out of a world: forget, retain, perturbed forget and holdout rows."""

from common import job

from lethe.files import read_rows, write_rows
from lethe.world.splits import cut, parse_split

with job(snakemake) as stage:
    i = snakemake.input
    parts = cut(
        parse_split(snakemake.params.split),
        read_rows(i.full),
        read_rows(i.full_perturbed),
        read_rows(i.holdout),
    )
    for output in snakemake.output:
        rows = parts[output.rsplit("/", 1)[1].removesuffix(".json")]
        write_rows(stage(output), rows)
