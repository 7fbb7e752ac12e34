"""Write a world's data card and the figure of its most frequent words."""

from pathlib import Path

from common import job

from lethe.common.files import read_json
from lethe.report.data_card import write_data_card
from lethe.world.card import Making

with job(snakemake) as stage:
    i, o, p = snakemake.input, snakemake.output, snakemake.params
    making = Making(
        costs=[read_json(file) for file in i.get("costs", [])],
        lists=i.get("lists"),
        candidates=[Path(file) for file in i.get("candidates", [])],
        settings=p.settings,
    )
    write_data_card(Path(i.full).parent, p.name, making, stage(o.card), stage(o.png))
