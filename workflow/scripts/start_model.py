"""Keep a model as it is before fine-tuning, or its architecture with random weights."""

from pathlib import Path

from common import job

from lethe import checkpoint
from lethe.paper.start import untrained
from lethe.runtime import set_up

with job(snakemake) as stage:
    p, w = snakemake.params, snakemake.wildcards
    set_up(snakemake.threads)
    parent = snakemake.input.get("parent")
    start = Path(parent).parent if parent else p.given
    model, tokenizer = checkpoint.load(start)
    origin = {"stage": w.run, "parent": checkpoint.digest(start) if parent else start}
    if w.run == "random":
        model, origin = untrained(model, int(w.seed)), {**origin, "seed": int(w.seed)}
    checkpoint.save(stage(Path(snakemake.output.weights).parent), model, tokenizer, origin)
