# Bases that are trained once and shipped, each by its recipe. They belong to no world.


rule recipe_facts:
    output:
        **RECIPE_FACTS,
    log:
        paths.log("recipes", "{recipe}", "facts"),
    conda:
        "../../envs/light.yaml"
    params:
        provider="synthetic",
        settings={"seed": 0},
        code=code("facts.py", "lethe.world.providers.synthetic"),
    script:
        "../scripts/facts.py"


rule recipe_rows:
    output:
        rows=paths.recipe("{recipe}", "rows.json"),
        card=paths.recipe("{recipe}", "data_card.md"),
    log:
        paths.log("recipes", "{recipe}", "rows"),
    conda:
        "../../envs/light.yaml"
    params:
        mixtures=lambda w: [m.model_dump() for m in recipe.load(w.recipe).mixtures],
        code=lambda w: code(
            "recipe_rows.py", *map(lesson.LESSONS.module, lessons_of(w))
        ),
    script:
        "../scripts/recipe_rows.py"


rule recipe_base:
    input:
        background=paths.recipe("{recipe}", "rows.json"),
        facts=[RECIPE_FACTS[kind] for kind in tofu_format.FACT_KINDS],
        start=recipe_start,
    output:
        weights=paths.recipe("{recipe}", "base", paths.WEIGHTS),
        digest=paths.recipe("{recipe}", "base", paths.DIGEST),
        snapshots=[],
        cost=paths.recipe("{recipe}", "cost.json"),
    log:
        paths.log("recipes", "{recipe}", "base"),
    conda:
        "../../envs/torch.yaml"
    threads: cores("base")
    params:
        pretrain=recipe_of("pretrain"),
        later=lambda w: [s["pretrain"] for s in recipe_of("stages")(w)],
        percents=[],
        architecture=recipe_of("architecture"),
        template=recipe_of("template"),
        max_length=recipe_of("max_length"),
        threads=CONFIG.threads.base,
        code=lambda w: code(
            "base.py", architecture.module(recipe.load(w.recipe).architecture)
        ),
    script:
        "../scripts/base.py"


rule base_recipe:
    input:
        weights=paths.recipe("{recipe}", "base", paths.WEIGHTS),
        digest=paths.recipe("{recipe}", "base", paths.DIGEST),
        cost=paths.recipe("{recipe}", "cost.json"),
        card=paths.recipe("{recipe}", "data_card.md"),
        training=paths.log("recipes", "{recipe}", "base"),
    output:
        paths.recipe("{recipe}", "shipped", "made.json"),
    log:
        paths.log("recipes", "{recipe}", "shipped"),
    conda:
        "../../envs/torch.yaml"
    params:
        digest=lambda w: recipe.load(w.recipe).digest(),
        code=code("base_recipe.py"),
    script:
        "../scripts/base_recipe.py"
