"""Convert a given GGUF file into a checkpoint: once, for reading such a file takes long."""

from pathlib import Path

from common import job

from lethe.common.files import sha256, write_json
from lethe.common.torch_setup import set_up
from lethe.model import checkpoint
from lethe.model.cost import Meter

with job(snakemake) as stage, Meter() as meter:
    p = snakemake.params
    set_up(p.threads)
    model, tokenizer = checkpoint.load(p.path, **p.loading)
    origin = {"stage": "import", "file": Path(p.path).name}
    if snakemake.input:
        origin["sha256"] = sha256(snakemake.input[0])
    checkpoint.save(stage(Path(snakemake.output.weights).parent), model, tokenizer, origin)
    write_json(stage(snakemake.output.cost), meter.read())
