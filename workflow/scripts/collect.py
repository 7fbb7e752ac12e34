"""Put a suite's questions to every checkpoint of a run and record the answers, item by item."""

from pathlib import Path

from common import job
from machine import processes, ready, team

from lethe.common.files import write_json
from lethe.common.progress import Progress
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, write_records
from lethe.evaluate.suite import Limits
from lethe.model import checkpoint
from lethe.model.cost import Meter
from lethe.model.encoder import Encoder
from lethe.world.rows import read_perturbed, read_qa

with job(snakemake, processes=processes(snakemake)) as stage, Meter() as meter:
    p = snakemake.params
    device = ready(snakemake)
    together = team(snakemake, device)
    suite, limits = snakemake.wildcards.suite, Limits(**p.limits)
    rows = {
        name: (read_perturbed if file.endswith("_perturbed.json") else read_qa)(file)[
            : p.most[name]
        ]
        for name, file in zip(p.sets, snakemake.input.rows, strict=True)
    }
    found, report, evaluation = [], Progress(p.label), None
    sources = [Path(digest).parent for digest in snakemake.input.digests] or [p.given]
    for source in sources:
        model, tokenizer = checkpoint.load(source, device, **p.loading, template=p.template)
        if evaluation is None:
            encoder = Encoder(tokenizer, p.template, limits.max_length)
            evaluation = Evaluation(suite, encoder, rows, limits, together)
        origin = checkpoint.origin(source)
        found.append(evaluation(model, origin.get("epoch", 0), origin.get("step", 0)))
        report(len(found), len(sources))
    write_records(stage(snakemake.output.records), Records(suite, found))
    items = sum(map(len, rows.values())) * len(found)
    write_json(stage(snakemake.output.cost), meter.read(items=items))
