"""The rows that a defence trains on, and those that its risk is measured on."""

from common import job

from lethe.common.files import write_rows
from lethe.unlearn import defences
from lethe.world.rows import read_qa

with job(snakemake) as stage:
    i, p, out = snakemake.input, snakemake.params, snakemake.output
    defence = defences.load(p.defence, p.settings, {}, f"config: defences.settings.{p.name}")
    sets = read_qa(i.forget), read_qa(i.retain)
    write_rows(stage(out.trained), defence.rows(*sets))
    write_rows(stage(out.risk), defence.risk_rows(*sets))
