"""Put tasks of lm-evaluation-harness to a run's last checkpoint."""

from pathlib import Path

from common import job
from machine import ready

from lethe.common.files import write_json
from lethe.evaluate.harness import HarnessTasks, evaluate
from lethe.model.cost import Meter
from lethe.model.settings import Compute

with job(snakemake) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    results = evaluate(
        p.given or Path(i.digest[0]).parent,
        HarnessTasks(**p.asked),
        compute=Compute(**p.loading),
        device=ready(snakemake),
    )
    write_json(stage(o.results), results)
    meter.write(stage(o.cost), tasks=len(p.asked["tasks"]))
