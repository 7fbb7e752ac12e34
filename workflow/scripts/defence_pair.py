"""Measure what the second of two defences did to the first, on three checkpoints."""

from pathlib import Path

from common import job
from machine import ready

from lethe.analysis.defences import pair_file
from lethe.common.progress import Progress
from lethe.evaluate.defence_pair import WHEN, WHOSE, measure_pair
from lethe.metrics.base import write_metric
from lethe.model.cost import Meter
from lethe.model.settings import Compute
from lethe.unlearn.defence import read_risk

with job(snakemake) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    ends = [Path(i[when]).parent if i.get(when) else p.given for when in WHEN]
    measured = measure_pair(
        ends,
        {of: read_risk(file, p.most) for of, file in zip(WHOSE, i.rows, strict=True)},
        template=p.template,
        max_length=p.max_length,
        compute=Compute(**p.loading),
        device=ready(snakemake),
        report=Progress(p.label),
    )
    write_metric(stage(o.pair), pair_file(measured))
    meter.write(stage(o.cost))
