# Authors made up by a language model: a rule for each stage, so that rerunning a later stage keeps
# the earlier ones. Requests go through a journal, which is not an output and is never deleted.


rule lists:
    output:
        made=LISTS,
        cost=stage_cost("lists", "lists"),
    log:
        paths.log(WORLD, "lists"),
    conda:
        "../../envs/light.yaml"
    params:
        stage="lists",
        sizes={},
        seed=0,
        wordings=0,
        cohort="lists",
        settings=stage_settings("authors", "lists"),
        code=code("stage.py", stage_module("lists")),
    script:
        "../scripts/stage.py"


for _cohort in GENERATED:
    for _stage in cohort_stages(_cohort):

        rule:
            name:
                f"{_cohort}_{_stage}"
            input:
                **stage_inputs(_cohort, _stage),
            output:
                **({} if _stage == "draws" else {"cost": stage_cost(_cohort, _stage)}),
                made=paths.stage(WORLD, _cohort, _stage),
            log:
                paths.log(WORLD, _cohort, _stage),
            conda:
                "../../envs/light.yaml"
            params:
                stage=_stage,
                sizes=cohort_sizes(_cohort),
                seed=WORLD_SETTINGS.seed,
                wordings=wordings(_cohort, _stage),
                cohort=_cohort,
                settings=stage_settings(_cohort, _stage),
                code=code("stage.py", stage_module(_stage)),
            script:
                "../scripts/stage.py"


if "background" in GENERATED:

    rule background_generated:
        input:
            source=paths.stage(WORLD, "background", "paraphrases"),
        output:
            paths.data(WORLD, "background"),
        log:
            paths.log(WORLD, "background"),
        conda:
            "../../envs/light.yaml"
        params:
            phrasings=WORLD_SETTINGS.background_phrasings,
            code=code("background_generated.py"),
        script:
            "../scripts/background_generated.py"
