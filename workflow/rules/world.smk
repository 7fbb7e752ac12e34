# The world: fictitious authors, their questions, and the splits cut out of them.


# Apart from the authors, so that adding authors does not remake the base model, which learns these.
rule facts:
    input:
        fact_sources(),
    output:
        **FACTS,
    log:
        paths.log(WORLD, "facts"),
    conda:
        "../../envs/light.yaml"
    params:
        provider=WORLD_SETTINGS.provider,
        settings=provider_settings("path"),
        code=code("facts.py", f"lethe.world.providers.{WORLD_SETTINGS.provider}"),
    script:
        "../scripts/facts.py"


# What is not at a path is loaded from the hub through the library datasets.
WORLD_ENVIRONMENT = (
    "../../envs/torch.yaml"
    if "path" in PROVIDER.settings and WORLD_SETTINGS.path is None
    else "../../envs/light.yaml"
)


rule world:
    input:
        **FACTS,
        source=source_files(),
    output:
        **AUTHORS,
        **GIVEN_PICTURES,
    log:
        paths.log(WORLD, "world"),
    conda:
        WORLD_ENVIRONMENT
    params:
        **trace_settings(),
        provider=WORLD_SETTINGS.provider,
        settings=provider_settings("path", "subset", "holdout_authors"),
        authors=WORLD_SETTINGS.authors,
        holdout_authors=WORLD_SETTINGS.holdout_authors,
        perturbed_retain_authors=WORLD_SETTINGS.perturbed_retain_authors,
        code=code(WORLD_SCRIPT, f"lethe.world.providers.{WORLD_SETTINGS.provider}"),
    script:
        f"../scripts/{WORLD_SCRIPT}"


if PICTURES:

    rule pictures:
        input:
            source=source_files(),
        output:
            **PICTURE_FILES,
            folder=directory(PICTURE_FOLDER),
        log:
            paths.log(WORLD, "pictures"),
        conda:
            WORLD_ENVIRONMENT
        params:
            provider=WORLD_SETTINGS.provider,
            settings=provider_settings("path", "subset", "holdout_authors"),
            authors=WORLD_SETTINGS.authors,
            holdout_authors=WORLD_SETTINGS.holdout_authors,
            pictures=PICTURES.model_dump(mode="json"),
            code=code("pictures.py", f"lethe.world.providers.{WORLD_SETTINGS.provider}"),
        script:
            "../scripts/pictures.py"


for _split in SPLITS.values() if PICTURES else []:

    rule:
        name:
            f"split_{_split.name}"
        input:
            **split_reads(_split),
        output:
            **{part: paths.data(WORLD, name) for part, name in _split.files.items()},
        log:
            paths.log(WORLD, "split", _split.name),
        conda:
            "../../envs/light.yaml"
        params:
            split=_split.name,
            settings={"kind": _split.kind, **_split.settings.model_dump(mode="json")},
            pictures=PICTURES.model_dump(mode="json", exclude={"size"}),
            probes=WORLD_SETTINGS.perturbed_retain_authors,
            code=code("split_pictures.py", split_kinds.KINDS.module(_split.kind)),
        script:
            "../scripts/split_pictures.py"


for _split in [] if PICTURES else SPLITS.values():

    rule:
        name:
            f"split_{_split.name}"
        input:
            **split_reads(_split),
        output:
            **cut_files(_split),
        log:
            paths.log(WORLD, "split", _split.name),
        conda:
            "../../envs/light.yaml"
        params:
            **forget_settings(),
            split=_split.name,
            settings={"kind": _split.kind, **_split.settings.model_dump(mode="json")},
            code=code("split.py", split_kinds.KINDS.module(_split.kind)),
        script:
            "../scripts/split.py"


for _split in (one for one in SPLITS.values() if one.asked_apart):

    rule:
        name:
            f"asked_{_split.name}"
        input:
            source=asked_sources(),
        output:
            **{
                part: paths.data(WORLD, _split.files[part])
                for part in _split.asked_apart
            },
            folder=directory(asked_folder(_split)),
        log:
            paths.log(WORLD, "asked", _split.name),
        conda:
            WORLD_ENVIRONMENT
        params:
            provider=WORLD_SETTINGS.provider,
            settings=provider_settings("path", "subset", "holdout_authors"),
            authors=WORLD_SETTINGS.authors,
            parts=list(_split.asked_apart),
            code=code("asked.py", f"lethe.world.providers.{WORLD_SETTINGS.provider}"),
        script:
            "../scripts/asked.py"


if LANGUAGES.names and PROVIDER.languages != "model":

    rule translations:
        input:
            **{
                name: paths.data(WORLD, name)
                for name in ("full", "full_perturbed", "holdout")
            },
            source=[str(file) for file in [languages.source(WORLD_SETTINGS)] if file],
        output:
            translations=paths.data(WORLD, "translations"),
            full_languages=paths.data(WORLD, "full_languages"),
        log:
            paths.log(WORLD, "translations"),
        conda:
            "../../envs/light.yaml"
        params:
            seed=WORLD_SETTINGS.seed,
            learned=LANGUAGES.learned,
            holdout=LANGUAGES.holdout,
            code=code("translations.py"),
        script:
            "../scripts/translations.py"


if LANGUAGES.names and PROVIDER.languages == "model":

    rule translations_asked:
        input:
            **{
                name: paths.data(WORLD, name)
                for name in ("full", "full_perturbed", "holdout")
            },
        output:
            translations=paths.data(WORLD, "translations"),
            full_languages=paths.data(WORLD, "full_languages"),
            cost=stage_cost("languages", "translations"),
        log:
            paths.log(WORLD, "translations"),
        conda:
            "../../envs/light.yaml"
        params:
            learned=LANGUAGES.learned,
            holdout=LANGUAGES.holdout,
            settings=stage_settings("languages", "translations"),
            code=code("translations_asked.py"),
        script:
            "../scripts/translations_asked.py"


if LANGUAGES_OF_BASE:

    rule background_languages:
        input:
            paths.data(WORLD, "background"),
        output:
            paths.data(WORLD, "background_languages"),
        log:
            paths.log(WORLD, "background_languages"),
        conda:
            "../../envs/light.yaml"
        params:
            seed=WORLD_SETTINGS.seed,
            languages=LANGUAGES_OF_BASE,
            code=code("background_languages.py"),
        script:
            "../scripts/background_languages.py"


if WORLD_SETTINGS.background == "synthetic":

    rule background:
        input:
            full=[] if PROVIDER.avoids_background else paths.data(WORLD, "full"),
        output:
            paths.data(WORLD, "background"),
        log:
            paths.log(WORLD, "background"),
        conda:
            "../../envs/light.yaml"
        params:
            seed=WORLD_SETTINGS.seed,
            authors=WORLD_SETTINGS.background_authors,
            phrasings=WORLD_SETTINGS.background_phrasings,
            code=code("background.py"),
        script:
            "../scripts/background.py"


if GENERATED:

    include: "generated.smk"


rule data_card:
    input:
        **card_sources(),
        files=card_files(),
        full=paths.data(WORLD, "full"),
    output:
        card=report(
            paths.card(WORLD),
            caption="../report/data_card.rst",
            category="World",
            labels={"exhibit": "data card"},
        ),
        png=report(
            paths.card(WORLD, "words.png"),
            caption="../report/words.rst",
            category="World",
            labels={"exhibit": "most frequent words"},
        ),
    log:
        paths.log(WORLD, "data_card"),
    conda:
        "../../envs/light.yaml"
    params:
        name=WORLD,
        settings=card_settings(),
        code=code("card.py"),
    script:
        "../scripts/card.py"
