"""Run a trial of a search as it was proposed; leave its last checkpoint as that of one epoch."""

from pathlib import Path

from common import job
from machine import processes
from training import from_checkpoint, key

from lethe.model.cost import Meter
from lethe.pipeline.search_batches import settings_of
from lethe.unlearn import methods
from lethe.unlearn.unlearning import unlearn

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    kind, settings = settings_of(i.batch, p.trial, p.methods)
    run = unlearn(
        method=methods.load(kind)(settings, p.trial),
        files=dict(i.items()),
        out=stage(Path(o.digest).parents[1]),
        keep="last",
        **from_checkpoint(snakemake, stage, meter),
    )
    # The number of epochs is decided on the way, the place of the checkpoint is not.
    last, place = run.checkpoints[-1], stage(Path(o.digest).parent)
    if last != place and last.exists():
        last.rename(place)
    meter.write(stage(o.cost), **run.counts)
