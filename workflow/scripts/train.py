"""Fine-tune a base model on authors: all of them (full) or the retain authors only (the oracle)."""

from pathlib import Path

from common import job
from machine import processes, ready
from start import report_of, split_of, start_of
from training import execution, key

from lethe.common.files import sha256
from lethe.model.cost import Meter
from lethe.model.settings import Compute
from lethe.train.finetuned_model import finetune
from lethe.train.settings import Finetuning
from lethe.world.rows import read_facts, read_qa

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    device = ready(snakemake)
    start, parent = start_of(snakemake)
    counts = finetune(
        start,
        read_qa(i.data),
        stage(Path(o.weights).parent),
        facts=[row for file in i.facts for row in read_facts(file)],
        settings=Finetuning(**p.finetune),
        template=p.template,
        max_length=p.max_length,
        seed=int(snakemake.wildcards.seed),
        compute=Compute(**p.loading, **p.training),
        device=device,
        how=execution(snakemake, stage, meter, device),
        report=report_of(snakemake, p.label),
        stage=snakemake.rule,
        parent=parent,
        data=sha256(i.data),
        **split_of(snakemake),
    )
    meter.write(stage(o.cost), **counts)
