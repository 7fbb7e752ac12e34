# Metrics under test: models that certainly have, or lack, the knowledge, and what metrics say.


rule pool_member:
    input:
        unpack(start_files),
        unpack(pool_references),
        **SEEN,
        retain=split_file("retain"),
        forget=split_file("forget_perturbed"),
        holdout=split_file("holdout"),
        facts=facts_beside_authors,
        rows=pool_rows,
        beside=pool_beside_files,
    output:
        values=paths.pool_values(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}")
        ),
        cost=paths.cost(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), "pool_member"
        ),
    log:
        paths.log(WORLD, "{model}", "{split}", "{run}", "seed{seed}"),
    wildcard_constraints:
        run=one_of([pools.run_of(pool) for pool in pool_sizes()]),
    conda:
        "../../envs/torch.yaml"
    threads: cores("train")
    resources:
        mem_mb=main_memory,
    params:
        given=one_setting("base_checkpoint"),
        member=pool_member,
        needs={of: pool_needs(of) for of in ("oracle", "full")},
        compared=pool_compared(),
        beside=pool_beside,
        sets={name: list(suite.contract(name).sets) for name in pool_suites()},
        most={
            name: settings.items_of(CONFIG, suite.contract(name).sets)
            for name in pool_suites()
        },
        evaluation=pool_evaluation(),
        loading=loading,
        training=training("finetune"),
        template=one_setting("template"),
        max_length=one_setting("max_length"),
        label="{run} ({split}), seed {seed}",
        threads=CONFIG.threads.train,
        code=lambda w: code(
            "pool_member.py",
            *map(metrics.METRICS.module, run_metrics()),
            *map(suite.SUITES.module, pool_suites()),
        ),
    script:
        "../scripts/pool_member.py"


rule meta_evaluation:
    input:
        unpack(pool_files),
        files=meta_files,
    output:
        paths.meta_evaluation(WORLD, "{model}", "{split}"),
    log:
        paths.log(WORLD, "{model}", "{split}", "meta_evaluation"),
    conda:
        "../../envs/light.yaml"
    params:
        entries=meta_entries,
        oracles=lambda w: list(SPLITS[w.split].roles),
        settings={
            key: getattr(META, key)
            for key in (
                "relearning",
                "quantization",
                "least_utility",
                "quantization_ratio",
            )
        },
        code=code("meta_evaluation.py"),
    script:
        "../scripts/meta_evaluation.py"
