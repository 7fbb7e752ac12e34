"""Make a study of a small problem: its table and its figure."""

from common import job

from lethe.report import studies
from lethe.report.outputs import write_outputs

with job(snakemake) as stage:
    files = {suffix: stage(file) for suffix, file in snakemake.output.items()}
    write_outputs(studies.load(snakemake.params.study), files)
