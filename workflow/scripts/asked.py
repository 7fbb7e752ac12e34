"""Write a benchmark's evaluation rows, which are asked and never learned, and their pictures."""

from pathlib import Path

from common import job

from lethe.common.files import write_rows
from lethe.common.pictures import whole_folder
from lethe.world.provider import provider

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    source = provider(p.provider, **p.settings)
    with whole_folder(stage(Path(out.folder))) as folder:
        parts = source.asked(p.authors, folder, Path(out.folder).name)
    for part in p.parts:
        write_rows(stage(Path(out[part])), parts[part])
