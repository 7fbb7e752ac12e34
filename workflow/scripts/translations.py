"""State every fact of a world in other languages, by rule or from a file that brings them."""

from common import job

from lethe.world.languages.making import by_rules, from_file, write_translations

with job(snakemake) as stage:
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    write_translations(
        from_file(i.source[0]) if i.source else by_rules(p.seed),
        {name: i[name] for name in ("full", "full_perturbed", "holdout")},
        p.learned,
        p.holdout,
        stage(o.translations),
        stage(o.full_languages),
    )
