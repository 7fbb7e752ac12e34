"""Bring the last checkpoint of a run into a state: relearned, quantised."""

from pathlib import Path

from common import job
from machine import processes, ready
from start import report_of, split_of, start_of
from training import execution, key, load_to

from lethe.common.files import sha256, write_json
from lethe.evaluate import attack
from lethe.model import checkpoint
from lethe.model.cost import Meter
from lethe.model.encoder import Encoder
from lethe.model.precision import prepare
from lethe.world.rows import read_pairs

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p = snakemake.params
    device = ready(snakemake)
    start, parent = start_of(snakemake)
    model, tokenizer = checkpoint.load(start, load_to(snakemake, device), **p.loading)
    forget, seed = snakemake.input.get("forget"), int(snakemake.wildcards.seed)
    rows = read_pairs(forget) if forget else []
    prepare(model, p.training, seed, start)
    examples = Encoder(tokenizer, p.template, p.max_length).encode_all(rows)
    settings = attack.settings_of(p.kind, p.settings, "attack_settings")
    how = execution(snakemake, stage, meter, device)
    attack.load(p.kind).change(model, settings, examples, seed, report_of(snakemake, p.label), how)
    before = checkpoint.origin(start)
    origin = {
        "stage": snakemake.rule,
        "parent": parent,
        **({"forget": sha256(forget)} if forget else {}),
        "state": p.kind,
        "settings": p.settings,
        **split_of(snakemake),
        "seed": seed,
        "template": p.template,
        "epoch": before.get("epoch", 0),
        "step": before.get("step", 0),
    }
    checkpoint.save(stage(Path(snakemake.output.weights).parent), model, tokenizer, origin)
    write_json(stage(snakemake.output.cost), meter.read(rows=len(rows)))
