"""Train a model that has, or lacks, the knowledge to be forgotten; measure it by all metrics."""

from tempfile import TemporaryDirectory

from common import job
from machine import ready
from training import from_checkpoint, key

from lethe.analysis.metric_values import MetricValues, References
from lethe.analysis.pools import PARTS, rows_of
from lethe.common.files import write_json
from lethe.evaluate.collect import read_set
from lethe.evaluate.suite import Limits
from lethe.model.cost import Meter
from lethe.model.settings import Compute
from lethe.train.finetuned_model import finetune
from lethe.train.settings import Finetuning
from lethe.world.rows import read_facts, read_perturbed, read_qa

with job(snakemake, key(snakemake)) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    read = (read_qa(i.retain), read_perturbed(i.forget), read_qa(i.holdout, empty=True))
    rows = rows_of(p.member["variant"], dict(zip(PARTS, read, strict=True)))
    files = iter(i.rows)
    suites = {
        suite: {name: read_set(next(files), p.most[suite][name]) for name in sets}
        for suite, sets in p.sets.items()
    }
    with TemporaryDirectory(dir=stage.folder.parent) as folder:
        counts = finetune(
            rows=rows,
            facts=[row for file in i.facts for row in read_facts(file)],
            settings=Finetuning(**p.member["finetune"]),
            out=f"{folder}/checkpoint",
            **from_checkpoint(snakemake, stage, meter),
        )
        measured = MetricValues(
            f"{folder}/checkpoint",
            suites,
            References(
                dict(zip(p.needs["oracle"], i.oracle, strict=True)),
                dict(zip(p.needs["full"], i.full, strict=True)),
                dict(zip(p.compared, i.oracle_records, strict=True)),
            ),
            p.metric_settings,
            p.suite_settings,
            {
                "template": p.template,
                "limits": Limits(**p.limits),
                "compute": Compute(**p.loading),
                "device": ready(snakemake),
            },
        )
        values = measured.values(p.metrics)
    write_json(stage(o.values), {"format": 1, **p.member, "values": values})
    meter.write(stage(o.cost), **counts)
