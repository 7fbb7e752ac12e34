"""Follow the loss along the line between the last checkpoints of two runs."""

from pathlib import Path

from common import job
from machine import ready

from lethe.analysis.barriers import barrier_file
from lethe.common.progress import Progress
from lethe.evaluate.collect import read_set
from lethe.evaluate.interpolation import losses_between
from lethe.metrics.base import write_metric
from lethe.model.cost import Meter
from lethe.model.settings import Compute

with job(snakemake) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    ends = [p.given.get(name) or Path(i[name]).parent for name in ("first", "second")]
    files = dict(zip(p.sets, i.rows, strict=True))
    line = losses_between(
        *ends,
        {name: read_set(file, p.most[name]) for name, file in files.items()},
        points=p.points,
        template=p.template,
        max_length=p.max_length,
        compute=Compute(**p.loading),
        device=ready(snakemake),
        report=Progress(p.label),
    )
    write_metric(stage(o.line), barrier_file(line))
    meter.write(stage(o.cost), points=p.points)
