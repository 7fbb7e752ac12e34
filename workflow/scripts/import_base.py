"""Convert a GGUF file into a checkpoint, once, because reading such a file is slow."""

from pathlib import Path

from common import job

from lethe.common.torch_setup import set_up
from lethe.model.cost import Meter
from lethe.model.gguf_import import import_gguf
from lethe.model.settings import Compute

with job(snakemake) as stage, Meter() as meter:
    p = snakemake.params
    set_up(p.threads)
    import_gguf(p.path, stage(Path(snakemake.output.weights).parent), Compute(**p.loading))
    meter.write(stage(snakemake.output.cost))
