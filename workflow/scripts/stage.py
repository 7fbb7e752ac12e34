"""Run one stage of generating authors; answers in the journal are not requested again."""

from common import job

from lethe.common import paths
from lethe.world.generated.run import names_of, run
from lethe.world.generated.settings import generation
from lethe.world.generated.stages import Cohort

with job(snakemake) as stage:
    i, o, p = snakemake.input, snakemake.output, snakemake.params
    world = snakemake.config["world"]
    taken = names_of(i.get("candidates"), i.get("full"))
    run(
        p.stage,
        # All settings: address, limits, prices and budget change no result and are not params.
        generation(world),
        Cohort(p.sizes, p.seed, p.wordings, taken),
        paths.journal(world["name"]),
        stage(o.made),
        lists=i.get("lists"),
        source=i.get("source"),
        cost=stage(o.cost) if o.get("cost") else None,
        name=p.cohort,
        before=i.get("before", []),
    )
