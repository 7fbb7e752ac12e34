"""Ask a model what it knows about the names in a forget set; leave rows to forget and to retain."""

from pathlib import Path

from common import job
from machine import ready
from start import start_of

from lethe.model.cost import Meter
from lethe.model.settings import Compute
from lethe.unlearn.made_supervision import make_of_names

with job(snakemake) as stage, Meter() as meter:
    p, out = snakemake.params, snakemake.output
    counts = make_of_names(
        start_of(snakemake)[0],
        snakemake.input.gold,
        Path(stage(out.graph)).parent,
        p.kind,
        p.settings,
        may_be_empty=snakemake.wildcards.run != "full",
        template=p.template,
        max_length=p.max_length,
        seed=int(snakemake.wildcards.seed),
        compute=Compute(**p.loading),
        device=ready(snakemake),
    )
    meter.write(stage(out.cost), **counts)
