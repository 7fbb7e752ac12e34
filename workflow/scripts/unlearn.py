"""Run one unlearning method on one start checkpoint; leave a checkpoint after each epoch."""

from pathlib import Path

from common import job
from machine import processes
from training import from_checkpoint, key

from lethe.model.cost import Meter
from lethe.unlearn import methods
from lethe.unlearn.unlearning import unlearn

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    others = {need: given or Path(i[need]).parent for need, given in p.others.items()}
    run = unlearn(
        method=methods.load(p.method)(p.settings),
        files={**dict(i.items()), **others},
        out=stage(Path(o.digests[0]).parents[1]),
        **from_checkpoint(snakemake, stage, meter),
    )
    meter.write(stage(o.cost), **run.counts)
