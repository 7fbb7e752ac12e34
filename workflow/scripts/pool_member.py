"""Train a model that has, or lacks, the knowledge to be forgotten; measure it by all metrics."""

from common import job
from training import from_checkpoint, key

from lethe.analysis.metric_values import References
from lethe.analysis.pool_member import pool_member, rows_by_suite
from lethe.common.files import write_json
from lethe.model.cost import Meter

with job(snakemake, key(snakemake)) as stage, Meter() as meter:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    document, counts = pool_member(
        p.member,
        [i.retain, i.forget, i.holdout],
        i.facts,
        rows_by_suite(p.sets, i.rows, p.most),
        References(
            dict(zip(p.needs["oracle"], i.oracle, strict=True)),
            dict(zip(p.needs["full"], i.full, strict=True)),
            dict(zip(p.compared, i.oracle_records, strict=True)),
            p.beside,
        ),
        p.evaluation,
        stage.folder.parent,
        **from_checkpoint(snakemake, stage, meter),
    )
    write_json(stage(o.values), document)
    meter.write(stage(o.cost), **counts)
