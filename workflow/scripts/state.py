"""Bring the last checkpoint of a run into a state: relearned, quantised."""

from pathlib import Path

from common import job
from machine import processes, ready
from start import report_of, split_of, start_of
from training import execution, key

from lethe.evaluate.attacked_model import attack_checkpoint
from lethe.model.cost import Meter
from lethe.model.settings import Compute

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p, o = snakemake.params, snakemake.output
    device = ready(snakemake)
    start, parent = start_of(snakemake)
    counts = attack_checkpoint(
        start,
        p.kind,
        stage(Path(o.weights).parent),
        settings=p.settings,
        forget=snakemake.input.get("forget"),
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
    meter.write(stage(o.cost), **counts)
