"""Write the page of a run, which opens on its results."""

from common import job

from lethe.pipeline.revision import revision
from lethe.report.page.data import Files, Run, Shown
from lethe.report.page.page import write_page

with job(snakemake) as stage:
    i, p = snakemake.input, snakemake.params
    whole = {key: i[key] for key in ("scores", "intervals", "claims", "card", "words")}
    files = Files(
        **whole,
        tables=dict(zip(p.parts["tables"], i.tables, strict=True)),
        captions=dict(zip(p.captions, i.captions, strict=True)),
        pictures={(one["figure"], one["model"], one["split"]): one["path"] for one in p.pictures},
        metrics=p.metrics,
        records=p.records,
        audits=p.audits,
        defences=p.get("defences", ()),
        sequence=i.get("sequence"),
        seen=i.get("seen"),
    )
    run = Run(**p.run, revision=revision())
    write_page(stage(snakemake.output[0]), run, files, Shown(**p.parts))
