"""Run one unlearning method, and ask the suites of each epoch before the next one begins."""

from pathlib import Path

from asking import evaluation_of
from common import job
from machine import processes
from training import from_checkpoint, key

from lethe.model.cost import Meter
from lethe.unlearn import methods
from lethe.unlearn.unlearning import unlearn

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    others = {need: given or Path(i[need]).parent for need, given in p.others.items()}
    arguments = from_checkpoint(snakemake, stage, meter)
    evaluation = evaluation_of(snakemake, arguments, stage, meter)
    run = unlearn(
        method=methods.load(p.method)(p.settings),
        files={**dict(i.items()), **others},
        out=stage(Path(o.digests[0]).parents[1]),
        keep=p.written,
        ended=evaluation,
        **arguments,
    )
    evaluation.finish(p.epochs)
    meter.write(stage(o.cost), **run.counts)
