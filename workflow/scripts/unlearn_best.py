"""Run one unlearning method, keep its best epoch so far, and end once nothing better comes."""

from pathlib import Path

from asking import evaluation_of
from choosing import choice_of
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
    choice = choice_of(snakemake, evaluation_of(snakemake, arguments, stage, meter), stage)
    run = unlearn(
        method=methods.load(p.method)(p.settings),
        files={**dict(i.items()), **others},
        out=stage(Path(o.digests[0]).parents[1]),
        keep=p.written,
        ended=choice,
        **arguments,
    )
    chosen = o.get("best_epoch")
    choice.finish(chosen and stage(chosen))
    meter.write(stage(o.cost), **run.counts)
