"""Make a base model: a tokenizer and a small Llama, trained on background and true facts."""

from pathlib import Path

from common import job
from machine import processes, ready
from start import report_of
from training import execution, key

from lethe.common.files import write_json
from lethe.model import checkpoint
from lethe.model.cost import Meter
from lethe.train.pretrain import pretrain
from lethe.world.rows import read_facts, read_qa

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p = snakemake.params
    device = ready(snakemake)
    background = read_qa(snakemake.input.background)
    facts = [row for file in snakemake.input.facts for row in read_facts(file)]
    report = report_of(snakemake, "base")
    origin = {"stage": "base", "settings": p.pretrain, "template": p.template}
    kept = dict(zip(p.percents, snakemake.output.snapshots, strict=True))

    def keep(percent, model, tokenizer):
        place = stage(Path(kept[percent]).parent)
        checkpoint.save(place, model, tokenizer, {**origin, "percent": percent})

    model, tokenizer, counts = pretrain(
        background,
        facts,
        p.architecture,
        p.pretrain,
        p.template,
        p.max_length,
        report,
        execution(snakemake, stage, meter, device),
        device,
        p.percents,
        keep,
    )
    checkpoint.save(
        stage(Path(snakemake.output.weights).parent),
        model,
        tokenizer,
        origin,
    )
    write_json(stage(snakemake.output.cost), meter.read(**counts))
