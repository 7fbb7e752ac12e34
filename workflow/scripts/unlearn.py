"""Run one unlearning method on one start checkpoint; leave a checkpoint after each epoch."""

from pathlib import Path

from common import job
from machine import processes, ready
from start import report_of, split_of, start_of
from training import execution, key

from lethe.model.cost import Meter
from lethe.model.settings import Compute
from lethe.unlearn import methods
from lethe.unlearn.unlearning import unlearn

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    device = ready(snakemake)
    start, parent = start_of(snakemake)
    others = {need: given or Path(i[need]).parent for need, given in p.others.items()}
    run = unlearn(
        start,
        methods.load(p.method)(p.settings),
        {**dict(i.items()), **others},
        stage(Path(o.digests[0]).parents[1]),
        template=p.template,
        max_length=p.max_length,
        seed=int(snakemake.wildcards.seed),
        compute=Compute(**p.loading, **p.training),
        device=device,
        how=execution(snakemake, stage, meter, device),
        report=report_of(snakemake, p.label),
        stage=snakemake.rule,
        parent=parent,
        **split_of(snakemake),
    )
    meter.write(stage(o.cost), **run.counts)
