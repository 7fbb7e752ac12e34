"""The loss of the model before unlearning on each row of the forget set, for some methods."""

from common import job
from machine import ready
from start import start_of

from lethe.model.cost import Meter
from lethe.model.settings import Compute
from lethe.unlearn.reference_losses import write_reference_losses

with job(snakemake) as stage, Meter() as meter:
    p = snakemake.params
    counts = write_reference_losses(
        start_of(snakemake)[0],
        snakemake.input.forget,
        stage(snakemake.output.made),
        batch_size=p.batch_size,
        template=p.template,
        max_length=p.max_length,
        compute=Compute(**p.loading),
        device=ready(snakemake),
    )
    meter.write(stage(snakemake.output.cost), **counts)
