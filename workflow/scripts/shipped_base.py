"""Copy a base that Lethe ships to where a base is expected."""

from pathlib import Path

from common import job

from lethe.model.shipping import unpack

with job(snakemake) as stage:
    i, o = snakemake.input, snakemake.output
    shipped = Path(i[0]).parent
    unpack(shipped, stage(Path(o.weights).parent))
    # What it once cost, not what it took to copy it.
    stage(o.cost).write_text(Path(shipped / "cost.json").read_text(encoding="utf-8"))
