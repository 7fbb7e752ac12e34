# Unlearning: one rule for each method, since methods differ in what they need and in their epochs.


rule reference:
    input:
        unpack(full_files),
        forget=split_file("forget"),
    output:
        made=paths.reference(WORLD, "{model}", "{split}", "{seed}"),
        cost=paths.cost(
            paths.run(WORLD, "{model}", "{split}", "reference", "{seed}"), "reference"
        ),
    log:
        paths.log(WORLD, "{model}", "{split}", "reference", "seed{seed}"),
    priority: 6
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG.threads.unlearn
    resources:
        mem_mb=main_memory,
    params:
        given=given_full,
        loading=loading,
        template=one_setting("template"),
        max_length=one_setting("max_length"),
        batch_size=CONFIG.unlearning.batch_size,
        threads=CONFIG.threads.unlearn,
        code=code("reference.py"),
    script:
        "../scripts/reference.py"


rule alternatives:
    input:
        unpack(full_files),
        forget=split_file("forget"),
    output:
        made=paths.alternatives(WORLD, "{model}", "{split}", "{seed}"),
        cost=paths.cost(
            paths.run(WORLD, "{model}", "{split}", "alternatives", "{seed}"),
            "alternatives",
        ),
    log:
        paths.log(WORLD, "{model}", "{split}", "alternatives", "seed{seed}"),
    priority: 6
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG.threads.unlearn
    resources:
        mem_mb=main_memory,
    params:
        given=given_full,
        loading=loading,
        settings=CONFIG.alternatives.model_dump(mode="json"),
        template=one_setting("template"),
        max_length=one_setting("max_length"),
        threads=CONFIG.threads.unlearn,
        code=code("alternatives.py"),
    script:
        "../scripts/alternatives.py"


for _method in [*CONFIG.methods, *unlisted_methods(), *TRIALS]:

    _class = settings.method_class(CONFIG, _method)

    rule:
        name:
            f"unlearn_{_method}"
        input:
            unpack(begin_files(_method)),
            **method_inputs(_method),
        output:
            digests=[f"{folder}/{paths.DIGEST}" for folder in epoch_folders(_method)],
            weights=epoch_weights(_method),
            cost=paths.cost(method_run(_method), "unlearn"),
        log:
            paths.log(WORLD, "{model}", "{split}", _method, "seed{seed}"),
        priority: 5
        conda:
            "../../envs/torch.yaml"
        threads: cores("unlearn")
        resources:
            mem_mb=main_memory,
        params:
            method=_class,
            settings=settings.method_settings(CONFIG, _method),
            given=begin_given(_method),
            others=checkpoints_given(_method),
            loading=loading,
            training=training("unlearn"),
            template=one_setting("template"),
            max_length=one_setting("max_length"),
            label=f"{_method} ({{split}}), seed {{seed}}",
            threads=CONFIG.threads.unlearn,
            code=code(
                "unlearn.py",
                f"lethe.unlearn.methods.{_class}",
                *wrapper_modules(_method),
            ),
        script:
            "../scripts/unlearn.py"
