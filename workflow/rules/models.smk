# The models before unlearning: base, full (all authors) and the oracles of a split.


rule base:
    input:
        background=BASE_DATA,
        facts=TRUE_FACTS,
        language=begun_with,
    output:
        **checkpoint_files(paths.base(WORLD, "{model}")),
        snapshots=[f"{folder}/{paths.DIGEST}" for folder in snapshot_folders()],
        snapshot_weights=[f"{folder}/{paths.WEIGHTS}" for folder in snapshot_folders()],
        cost=paths.cost(paths.base(WORLD, "{model}"), "train"),
    log:
        paths.log(WORLD, "{model}", "base"),
    wildcard_constraints:
        model=one_of(own_models()),
    conda:
        "../../envs/torch.yaml"
    threads: cores("base")
    resources:
        mem_mb=main_memory,
    params:
        pretrain=lambda w: CONFIG.model_settings[w.model].pretrain.model_dump(),
        percents=CONFIG.snapshots,
        architecture=one_setting("architecture"),
        template=one_setting("template"),
        max_length=one_setting("max_length"),
        threads=CONFIG.threads.base,
        code=lambda w: code(
            "base.py", architecture.module(one_setting("architecture")(w))
        ),
    script:
        "../scripts/base.py"


rule shipped_base:
    input:
        unpack(shipped_files),
    output:
        **checkpoint_files(paths.base(WORLD, "{model}")),
        cost=paths.cost(paths.base(WORLD, "{model}"), "train"),
    log:
        paths.log(WORLD, "{model}", "base"),
    wildcard_constraints:
        model=one_of(shipped_models()),
    conda:
        "../../envs/torch.yaml"
    params:
        code=code("shipped_base.py"),
    script:
        "../scripts/shipped_base.py"


rule import_base:
    input:
        given_file,
    output:
        **checkpoint_files(paths.base(WORLD, "{model}")),
        cost=paths.cost(paths.base(WORLD, "{model}"), "train"),
    log:
        paths.log(WORLD, "{model}", "base"),
    wildcard_constraints:
        model=one_of(converted_models()),
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG.threads.base
    resources:
        mem_mb=main_memory,
    params:
        path=one_setting("base_checkpoint"),
        loading=loading,
        threads=CONFIG.threads.base,
        code=code("import_base.py"),
    script:
        "../scripts/import_base.py"


rule train_full:
    input:
        unpack(start_files),
        unpack(recipe_files),
        **SEEN,
        data=FULL_DATA,
        facts=facts_beside_authors,
    output:
        **checkpoint_files(paths.trained(WORLD, "{model}", "", "full", "{seed}")),
        cost=paths.cost(
            paths.run(WORLD, "{model}", paths.NO_SPLIT, "full", "{seed}"), "train"
        ),
    log:
        paths.log(WORLD, "{model}", "full", "seed{seed}"),
    # First, because all methods wait for it.
    priority: 20
    conda:
        "../../envs/torch.yaml"
    threads: cores("train")
    resources:
        mem_mb=main_memory,
    params:
        given=one_setting("base_checkpoint"),
        finetune=lambda w: CONFIG.model_settings[w.model].finetune.model_dump(),
        loading=loading,
        training=training("finetune"),
        template=one_setting("template"),
        max_length=one_setting("max_length"),
        label="full, seed {seed}",
        threads=CONFIG.threads.train,
        code=lambda w: code("train.py", learning.module(recipe_name(w))),
    script:
        "../scripts/train.py"


# One rule for each role: TOFU's splits have one oracle, retain.
for _role, _splits in splits_by_role().items():

    rule:
        name:
            f"train_{_role}"
        input:
            unpack(start_files),
            unpack(recipe_files),
            **SEEN,
            data=oracle_data(_role),
            facts=facts_beside_authors,
        output:
            **checkpoint_files(
                paths.trained(WORLD, "{model}", "{split}", _role, "{seed}"),
                stays=KEEP != "none",
            ),
            cost=paths.cost(
                paths.run(WORLD, "{model}", "{split}", _role, "{seed}"), "train"
            ),
        log:
            paths.log(WORLD, "{model}", "{split}", _role, "seed{seed}"),
        wildcard_constraints:
            split=one_of(_splits),
        priority: 10
        conda:
            "../../envs/torch.yaml"
        threads: cores("train")
        resources:
            mem_mb=main_memory,
        params:
            given=one_setting("base_checkpoint"),
            finetune=lambda w: CONFIG.model_settings[w.model].finetune.model_dump(),
            loading=loading,
            training=training("finetune"),
            template=one_setting("template"),
            max_length=one_setting("max_length"),
            label=f"{_role} ({{split}}), seed {{seed}}",
            threads=CONFIG.threads.train,
            code=lambda w: code("train.py", learning.module(recipe_name(w))),
        script:
            "../scripts/train.py"


rule random:
    input:
        unpack(start_files),
    output:
        **checkpoint_files(paths.trained(WORLD, "{model}", "", "random", "{seed}")),
    log:
        paths.log(WORLD, "{model}", "random", "seed{seed}"),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=main_memory,
    params:
        given=one_setting("base_checkpoint"),
        loading=loading,
        template=one_setting("template"),
        code=code("random_model.py"),
    script:
        "../scripts/random_model.py"
