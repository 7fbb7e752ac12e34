"""Give the architecture of a model random weights: what can be said without learning anything."""

from pathlib import Path

from common import job
from start import start_of

from lethe.common.torch_setup import set_up
from lethe.model import checkpoint
from lethe.model.random_weights import untrained

with job(snakemake) as stage:
    p, seed = snakemake.params, int(snakemake.wildcards.seed)
    set_up(snakemake.threads)
    start, parent = start_of(snakemake)
    model, tokenizer = checkpoint.load(start, **p.loading)
    origin = {
        "stage": snakemake.rule,
        "parent": parent,
        "seed": seed,
        "template": p.template,
    }
    folder = stage(Path(snakemake.output.weights).parent)
    checkpoint.save(folder, untrained(model, seed), tokenizer, origin)
