"""Train one defence on one start checkpoint; leave its last checkpoint."""

from pathlib import Path

from common import job
from machine import processes
from training import from_checkpoint, key

from lethe.model.cost import Meter
from lethe.unlearn.defence import method_named
from lethe.unlearn.unlearning import unlearn

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    others = {need: given or Path(i[need]).parent for need, given in p.others.items()}
    given = from_checkpoint(snakemake, stage, meter)
    run = unlearn(
        method=method_named(p.method, p.settings),
        files={**dict(i.items()), **others},
        out=stage(Path(o.digest).parents[1]),
        **{**given, "split": p.split},
        keep="last",
    )
    meter.write(stage(o.cost), **run.counts)
