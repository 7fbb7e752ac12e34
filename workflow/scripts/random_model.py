"""Give the architecture of a model random weights: what can be said without learning anything."""

from pathlib import Path

from common import job

from lethe import checkpoint
from lethe.paper.start import untrained
from lethe.runtime import set_up

with job(snakemake) as stage:
    p, seed = snakemake.params, int(snakemake.wildcards.seed)
    set_up(snakemake.threads)
    parent = snakemake.input.get("parent")
    start = Path(parent).parent if parent else p.given
    model, tokenizer = checkpoint.load(start)
    origin = {
        "stage": snakemake.rule,
        "parent": checkpoint.digest(start) if parent else start,
        "seed": seed,
        "template": p.template,
    }
    folder = stage(Path(snakemake.output.weights).parent)
    checkpoint.save(folder, untrained(model, seed), tokenizer, origin)
