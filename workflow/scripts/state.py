"""Attack the last checkpoint of a run, as its settings say."""

from pathlib import Path

from common import job
from machine import processes
from training import from_checkpoint, key

from lethe.evaluate import attack
from lethe.evaluate.attacked_model import attack_checkpoint
from lethe.model.cost import Meter

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    i, p = snakemake.input, snakemake.params
    counts = attack_checkpoint(
        kind=p.kind,
        settings=p.settings,
        forget=i.get("forget"),
        data={name: i[name] for name in attack.trained_on(p.kind, p.settings) if name != "forget"},
        base=Path(i.student).parent if i.get("student") else p.student,
        out=stage(Path(snakemake.output.weights).parent),
        **from_checkpoint(snakemake, stage, meter),
    )
    meter.write(stage(snakemake.output.cost), **counts)
