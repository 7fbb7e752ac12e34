"""Make a file that methods need, by the model that will unlearn: losses, other answers."""

from common import job
from machine import ready
from start import start_of

from lethe.model.cost import Meter
from lethe.model.settings import Compute
from lethe.unlearn.made_files import make

with job(snakemake) as stage, Meter() as meter:
    p = snakemake.params
    counts = make(
        p.maker,
        start_of(snakemake)[0],
        snakemake.input.forget,
        stage(snakemake.output.made),
        p.options,
        template=p.template,
        max_length=p.max_length,
        seed=int(snakemake.wildcards.seed),
        compute=Compute(**p.loading),
        device=ready(snakemake),
    )
    meter.write(stage(snakemake.output.cost), **counts)
