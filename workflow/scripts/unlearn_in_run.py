"""Run one unlearning method, and ask the suites of each epoch before the next one begins."""

from pathlib import Path

from common import job
from machine import processes
from training import from_checkpoint, key

from lethe.evaluate.collect import read_set
from lethe.evaluate.in_run import Asked, RunEvaluation
from lethe.evaluate.suite import Limits
from lethe.model.cost import Meter
from lethe.model.settings import Compute
from lethe.unlearn import methods
from lethe.unlearn.unlearning import unlearn

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    others = {need: given or Path(i[need]).parent for need, given in p.others.items()}
    arguments = from_checkpoint(snakemake, stage, meter)
    method = methods.load(p.method)(p.settings)
    asked = [
        Asked(
            name,
            {
                part: read_set(file, how["most"][part])
                for part, file in zip(how["sets"], i[f"asked_{name}"], strict=True)
            },
            how["settings"],
            stage(o[f"records_{name}"]),
        )
        for name, how in p.asked.items()
    ]
    evaluation = RunEvaluation(
        arguments["start"],
        asked,
        p.template,
        Limits(**p.limits),
        Compute(**p.loading),
        arguments["device"],
        p.asking_threads,
        meter,
    )
    run = unlearn(
        method=method,
        files={**dict(i.items()), **others},
        out=stage(Path(o.digests[0]).parents[1]),
        keep=p.written,
        ended=evaluation,
        **arguments,
    )
    evaluation.finish(range(1, method.epochs + 1))
    meter.write(stage(o.cost), **run.counts)
