"""Fine-tune a base model on authors: all of them (full) or the retain authors only (the oracle)."""

from pathlib import Path

from common import job
from machine import processes
from training import from_checkpoint, key

from lethe.common.files import sha256
from lethe.model.cost import Meter
from lethe.train import recipe
from lethe.train.finetuned_model import finetune
from lethe.train.settings import Finetuning
from lethe.world.rows import read_asked, read_facts

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    i, o = snakemake.input, snakemake.output
    settings = Finetuning(**snakemake.params.finetune)
    counts = finetune(
        rows=read_asked(i.data),
        facts=[row for file in i.facts for row in read_facts(file)],
        settings=settings,
        files={name: read_asked(i[name]) for name in recipe.needs(settings.recipe["name"])},
        data=sha256(i.data),
        out=stage(Path(o.weights).parent),
        **from_checkpoint(snakemake, stage, meter),
    )
    meter.write(stage(o.cost), **counts)
