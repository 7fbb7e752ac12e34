"""Put a suite's questions to every checkpoint of a run and record the answers, item by item."""

from pathlib import Path

from common import job
from machine import process_group, processes, ready

from lethe.common.progress import Progress
from lethe.evaluate.collect import collect, read_set
from lethe.evaluate.records import write_records
from lethe.evaluate.suite import Limits
from lethe.model.cost import Meter
from lethe.model.settings import Compute

with job(snakemake, processes=processes(snakemake)) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    device = ready(snakemake)
    records = collect(
        snakemake.wildcards.suite,
        [Path(digest).parent for digest in i.digests] or [p.given],
        {name: read_set(file, p.most[name]) for name, file in zip(p.sets, i.rows, strict=True)},
        template=p.template,
        limits=Limits(**p.limits),
        compute=Compute(**p.loading),
        device=device,
        process_group=process_group(snakemake, device),
        report=Progress(p.label),
        settings=p.settings,
        reference=p.reference,
    )
    write_records(stage(o.records), records)
    meter.write(stage(o.cost), items=records.items)
