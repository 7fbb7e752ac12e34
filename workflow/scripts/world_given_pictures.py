"""Read the authors of a published world with pictures; write their files, pictures and card."""

from common import job

from lethe.common.pictures import whole_folder
from lethe.world.provider import provider
from lethe.world.tofu_format import FACT_FILES, write_authors

with job(snakemake) as stage:
    p, i = snakemake.params, snakemake.input
    files = {name: stage(path) for name, path in snakemake.output.items()}
    source = provider(p.provider, **p.settings)
    with whole_folder(files.pop("folder")) as folder:
        source.write_pictures(folder, p.authors)
    write_authors(
        source,
        files | {name: i[name] for name in FACT_FILES},
        authors=p.authors,
        holdout=p.holdout_authors,
        perturbed_retain_authors=p.perturbed_retain_authors,
    )
