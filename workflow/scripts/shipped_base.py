"""Copy a base that Lethe ships to where a base is expected."""

from pathlib import Path

from common import job

from lethe.common.files import read_text, write_text
from lethe.model.shipping import unpack

with job(snakemake) as stage:
    i, o = snakemake.input, snakemake.output
    unpack(Path(i.weights).parent, stage(Path(o.weights).parent))
    # What training it cost, not what copying it took.
    write_text(stage(o.cost), read_text(i.cost))
