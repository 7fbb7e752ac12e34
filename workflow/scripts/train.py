"""Fine-tune a base model on authors: all of them (full) or the retain authors only (the oracle)."""

from common import job
from lethe import checkpoint
from lethe.cost import Meter
from lethe.files import read_rows, sha256, write_json
from lethe.progress import Progress
from lethe.runtime import set_up
from lethe.schedule import Schedule
from lethe.text import Encoder, rows_to_pairs
from lethe.train import fit

with job(snakemake) as stage:
    p, meter = snakemake.params, Meter()
    set_up(p.threads)
    model, tokenizer = checkpoint.load(p.start)
    examples = Encoder(tokenizer, p.template, p.max_length).encode_all(
        rows_to_pairs(read_rows(snakemake.input.data))
    )
    seed = int(snakemake.wildcards.seed)
    counts = fit(model, examples, Schedule(**p.finetune), seed, Progress(p.label))
    origin = {
        "stage": snakemake.rule,
        "parent": checkpoint.digest(p.start) if snakemake.input.get("start") else p.start,
        "data": sha256(snakemake.input.data),
        "settings": p.finetune,
        "seed": seed,
    }
    checkpoint.save(stage(p.folder), model, tokenizer, origin)
    write_json(stage(snakemake.output.cost), meter.read(**counts))
