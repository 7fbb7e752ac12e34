"""Pack what a recipe made for shipping: weights, how it was made, its rows and its training."""

from pathlib import Path

from common import job

from lethe.common.files import read_json, read_text, write_json, write_text
from lethe.model.shipping import losses, pack

with job(snakemake) as stage:
    i, p = snakemake.input, snakemake.params
    name, made = snakemake.wildcards.recipe, stage(snakemake.output[0])
    out, cost = Path(made).parent, read_json(i.cost)
    pack(Path(i.weights).parent, out, {"recipe": name, "recipe_sha256": p.digest})
    for file, text in {
        "data_card.md": read_text(i.card),
        "cost.json": read_text(i.cost),
        "training.csv": losses(read_text(i.training)),
    }.items():
        write_text(out / file, text)
    write_json(made, {"recipe_sha256": p.digest, **cost}, indent=1)
