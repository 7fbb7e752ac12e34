"""Give a model's architecture random weights: a baseline that has learned nothing."""

from pathlib import Path

from common import job
from rule_name import rule_of
from start import start_of

from lethe.common.torch_setup import set_up
from lethe.model.random_weights import make_untrained
from lethe.model.settings import Compute

with job(snakemake) as stage:
    p = snakemake.params
    set_up(snakemake.threads)
    start, parent = start_of(snakemake)
    make_untrained(
        start,
        stage(Path(snakemake.output.weights).parent),
        int(snakemake.wildcards.seed),
        template=p.template,
        compute=Compute(**p.loading),
        parent=parent,
        stage=rule_of(snakemake),
    )
