"""Follow the taint of all models of a seed along their recorded parents."""

from common import job

from lethe.common.files import write_json
from lethe.pipeline.lineage_files import lineage_of

with job(snakemake) as stage:
    i, p = snakemake.input, snakemake.params
    lineage = lineage_of(p.models, i.forget, i.rows, p.certificates, p.certified)
    write_json(stage(snakemake.output[0]), lineage, indent=1)
