"""Put the probes of an audit to a run's last checkpoint."""

from pathlib import Path

from common import job
from machine import ready

from lethe.analysis.audit.answers import write_answers
from lethe.analysis.audit.audit import answers_of
from lethe.analysis.audit.plan import AuditRequest
from lethe.common.progress import Progress
from lethe.model.settings import Compute

with job(snakemake) as stage:
    p, i = snakemake.params, snakemake.input
    ours = {role: str(Path(i[role]).parent) for role in p.given if i.get(role)}
    request = AuditRequest(
        **{**p.given, **ours},
        **p.asked,
        template=p.template,
        compute=Compute(**p.loading, **p.training),
        device=ready(snakemake),
    )
    answers = answers_of(request, dict(zip(p.sets, i.rows, strict=True)), Progress(p.label))
    write_answers(stage(snakemake.output[0]), answers)
