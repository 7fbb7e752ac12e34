"""Make a base model: a tokenizer and a small Llama, trained on background and true facts."""

from pathlib import Path

from common import job
from machine import processes, ready
from start import report_of
from training import execution, key

from lethe.model.cost import Meter
from lethe.train.base_model import make_base
from lethe.world.rows import read_asked, read_facts

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p, i, o, device = snakemake.params, snakemake.input, snakemake.output, ready(snakemake)
    begun = i.get("language"), i.get("start")
    language, start = (str(Path(files[0]).parent) if files else None for files in begun)
    counts = make_base(
        read_asked(i.background),
        [row for file in i.facts for row in read_facts(file)],
        stage(Path(o.weights).parent),
        architecture={**p.architecture, **({"language": language} if language else {})},
        settings=p.pretrain,
        later=p.get("later", ()),
        **{key: p[key] for key in ("template", "max_length")},
        start=start,
        snapshots=dict(zip(p.percents, [stage(Path(d).parent) for d in o.snapshots], strict=True)),
        device=device,
        how=execution(snakemake, stage, meter, device),
        report=report_of(snakemake, "base"),
    )
    meter.write(stage(o.cost), **counts)
