"""Attack the last checkpoint of a run, as its settings say."""

from pathlib import Path

from common import job
from machine import processes
from training import from_checkpoint, key

from lethe.evaluate.attacked_model import attack_checkpoint
from lethe.model.cost import Meter

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    i = snakemake.input
    counts = attack_checkpoint(
        kind=snakemake.params.kind,
        settings=snakemake.params.settings,
        forget=i.get("forget"),
        data={name: i.get(name) for name in ("retain", "background") if i.get(name)},
        base=Path(i.student).parent if i.get("student") else snakemake.params.student,
        out=stage(Path(snakemake.output.weights).parent),
        **from_checkpoint(snakemake, stage, meter),
    )
    meter.write(stage(snakemake.output.cost), **counts)
