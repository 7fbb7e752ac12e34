# Tasks of lm-evaluation-harness, put to the last checkpoints of runs.


rule lm_eval:
    input:
        unpack(lambda w: beneath(w, w.run)),
        digest=lambda w: [
            f"{folder}/{paths.DIGEST}" for folder in checkpoint_folders(w)[-1:]
        ],
        weights=lambda w: [
            ancient(f"{folder}/{paths.WEIGHTS}")
            for folder in checkpoint_folders(w)[-1:]
        ],
        tasks=task_files(),
    output:
        results=paths.harness(paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}")),
        cost=paths.cost(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), "lm_eval"
        ),
    log:
        paths.log(WORLD, "{model}", "{split}", "{run}", "seed{seed}_lm_eval"),
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG.threads.collect
    resources:
        mem_mb=main_memory,
    params:
        given=given_checkpoint,
        loading=loading,
        asked={
            key: getattr(CONFIG.lm_eval, key)
            for key in ("tasks", "fewshot", "limit", "chat", "include_path")
        },
        threads=CONFIG.threads.collect,
        code=lambda w: code("harness.py", *intervention_modules(w)),
    script:
        "../scripts/harness.py"
