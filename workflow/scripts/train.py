"""Fine-tune a base model on authors: all of them (full) or the retain authors only (the oracle)."""

from pathlib import Path

from common import job
from machine import processes, ready
from start import report_of, split_of, start_of
from training import execution, key, load_to

from lethe.common.files import sha256, write_json
from lethe.model import checkpoint
from lethe.model.cost import Meter
from lethe.model.encoder import Encoder
from lethe.model.precision import prepare
from lethe.train.finetune import fit, taught
from lethe.train.settings import Finetuning
from lethe.world.rows import read_facts, read_qa

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p = snakemake.params
    device = ready(snakemake)
    start, parent = start_of(snakemake)
    seed = int(snakemake.wildcards.seed)
    model, tokenizer = checkpoint.load(
        start, load_to(snakemake, device), **p.loading, template=p.template
    )
    prepare(model, p.training, seed, start)
    schedule = Finetuning(**p.finetune)
    facts = [row for file in snakemake.input.facts for row in read_facts(file)]
    pairs = taught(read_qa(snakemake.input.data), facts, schedule.fact_repeats)
    examples = Encoder(tokenizer, p.template, p.max_length).encode_all(pairs)
    how = execution(snakemake, stage, meter, device)
    counts = fit(model, examples, schedule, seed, report_of(snakemake, p.label), how)
    origin = {
        "stage": snakemake.rule,
        "parent": parent,
        "data": sha256(snakemake.input.data),
        "settings": p.finetune,
        **split_of(snakemake),
        "seed": seed,
        "template": p.template,
    }
    checkpoint.save(stage(Path(snakemake.output.weights).parent), model, tokenizer, origin)
    write_json(stage(snakemake.output.cost), meter.read(**counts))
