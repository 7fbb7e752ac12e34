"""Have a language model state every fact of a world in other languages."""

from common import job

from lethe.common import paths
from lethe.world.generated.settings import generation
from lethe.world.generated.translations import translate
from lethe.world.languages.making import write_translations

with job(snakemake) as stage:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    world = snakemake.config["world"]
    files = {name: i[name] for name in ("full", "full_perturbed", "holdout")}
    write_translations(
        # All settings: address, limits, prices and budget change no result and are not params.
        translate(
            generation(world),
            files,
            [*p.learned, *p.holdout],
            paths.journal(world["name"]),
            stage(o.cost),
        ),
        files,
        p.learned,
        p.holdout,
        stage(o.translations),
        stage(o.full_languages),
    )
