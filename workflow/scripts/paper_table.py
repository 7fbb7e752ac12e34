"""A table of models that were evaluated once, from their records."""

from importlib import import_module

from common import job

from lethe.common.files import write_text
from lethe.report.paper.evaluations import Evaluations

with job(snakemake) as stage:
    p, out = snakemake.params, snakemake.output
    exhibit = import_module(f"lethe.report.paper.{p.exhibit}")
    table = exhibit.build(Evaluations(p.entries, p.variant), p.splits)
    table.to_csv(stage(out.csv), index=False, lineterminator="\n")
    write_text(stage(out.markdown), exhibit.markdown(table))
