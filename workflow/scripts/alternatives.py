"""Alternative answers to the forget questions, from the model that will unlearn them."""

from common import job
from machine import ready
from start import start_of

from lethe.model.cost import Meter
from lethe.model.settings import Compute
from lethe.unlearn.alternatives import Alternatives, propose_alternatives

with job(snakemake) as stage, Meter() as meter:
    p = snakemake.params
    counts = propose_alternatives(
        start_of(snakemake)[0],
        snakemake.input.forget,
        stage(snakemake.output.made),
        settings=Alternatives(**p.settings),
        template=p.template,
        max_length=p.max_length,
        seed=int(snakemake.wildcards.seed),
        compute=Compute(**p.loading),
        device=ready(snakemake),
    )
    meter.write(stage(snakemake.output.cost), **counts)
