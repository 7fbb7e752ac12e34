"""Judge a run by its answers to an audit's probes, compared with full and oracle."""

from common import job

from lethe.report.audit_files import judge_answers

with job(snakemake) as stage:
    i, out = snakemake.input, snakemake.output
    about = snakemake.params.about
    judge_answers(i.own, i.full, i.oracle, about, stage(out.json), stage(out.page))
