"""Cut one split out of a world: forget, retain, perturbed forget and holdout rows."""

from common import job

from lethe.common.files import write_rows
from lethe.world.rows import read_qa
from lethe.world.splits.author_share import cut, parse_split

with job(snakemake) as stage:
    i = snakemake.input
    parts = cut(
        parse_split(snakemake.params.split),
        read_qa(i.full),
        read_qa(i.full_perturbed, empty=True),
        read_qa(i.holdout, empty=True),
    )
    for output in snakemake.output:
        rows = parts[output.rsplit("/", 1)[1].removesuffix(".json")]
        write_rows(stage(output), rows)
