"""Run one unlearning method on one start checkpoint; leave a checkpoint after each epoch."""

from pathlib import Path

from common import job

from lethe import checkpoint, methods
from lethe.cost import Meter
from lethe.files import read_lines, read_rows, sha256, write_json
from lethe.progress import Progress
from lethe.runtime import set_up
from lethe.text import Encoder, rows_to_pairs
from lethe.unlearn import supervise

with job(snakemake) as stage:
    p, i, meter = snakemake.params, snakemake.input, Meter()
    set_up(p.threads)
    model, tokenizer = checkpoint.load(Path(i.parent).parent)
    method = methods.load(p.method)(p.settings)
    data = supervise(
        Encoder(tokenizer, p.template, p.max_length),
        method.needs,
        rows_to_pairs(read_rows(i.forget)),
        rows_to_pairs(read_rows(i.retain)) if "retain" in method.needs else [],
        read_lines(i.refusals) if "refusals" in method.needs else [],
    )
    seed = int(snakemake.wildcards.seed)
    origin = {
        "stage": snakemake.rule,
        "parent": checkpoint.digest(Path(i.parent).parent),
        "forget": sha256(i.forget),
        "method": p.method,
        "settings": p.settings,
        "seed": seed,
        "template": p.template,
    }
    steps = []
    for epoch, step in method.run(model, data, seed, Progress(p.label)):
        steps.append(step)
        folder = stage(Path(snakemake.output.digests[epoch - 1]).parent)
        checkpoint.save(folder, model, tokenizer, {**origin, "epoch": epoch, "step": step})
    write_json(stage(snakemake.output.cost), meter.read(steps=steps[-1], rows=len(data.forget)))
