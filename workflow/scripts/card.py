"""Write a world's data card and the figure of its most frequent words."""

from pathlib import Path

from common import job

from lethe.common.files import read_json
from lethe.report.card_figure import write_words
from lethe.world.card import Making, write_card
from lethe.world.rows import read_qa

with job(snakemake) as stage:
    i, o, p = snakemake.input, snakemake.output, snakemake.params
    folder = Path(i.full).parent
    making = Making(
        costs=[read_json(file) for file in i.get("costs", [])],
        lists=i.get("lists"),
        candidates=[Path(file) for file in i.get("candidates", [])],
        settings=p.settings,
    )
    write_card(folder, p.name, making, stage(o.card))
    write_words(read_qa(i.full), stage(o.png))
