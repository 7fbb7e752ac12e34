# The best epoch of a run, chosen once it is evaluated, and its checkpoint if no other stays.


rule best_epoch:
    input:
        ratios=paths.metric(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), "truth_ratio"
        ),
        utilities=paths.metric(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), "model_utility"
        ),
        oracle=oracle_metric("truth_ratio"),
        full=paths.metric(
            paths.run(WORLD, "{model}", "{split}", "full", "{seed}"), "model_utility"
        ),
    output:
        paths.best_epoch(paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}")),
    log:
        paths.log(WORLD, "{model}", "{split}", "{run}", "seed{seed}_best_epoch"),
    wildcard_constraints:
        run=chosen_runs(),
    # As in evaluation: until then, all epochs' checkpoints are there.
    priority: 30
    conda:
        "../../envs/light.yaml"
    params:
        criterion=CONFIG.best_epoch.criterion,
        code=code("best_epoch.py"),
    script:
        "../scripts/best_epoch.py"


rule best_checkpoint:
    input:
        chosen=chosen_epoch,
        digests=lambda w: [
            f"{folder}/{paths.DIGEST}" for folder in checkpoint_folders(w)
        ],
        weights=lambda w: [
            ancient(f"{folder}/{paths.WEIGHTS}") for folder in checkpoint_folders(w)
        ],
    output:
        **checkpoint_files(
            paths.best(paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"))
        ),
    log:
        paths.log(WORLD, "{model}", "{split}", "{run}", "seed{seed}_best_checkpoint"),
    wildcard_constraints:
        run=chosen_runs(),
    priority: 30
    conda:
        "../../envs/light.yaml"
    params:
        code=code("best_checkpoint.py"),
    script:
        "../scripts/best_checkpoint.py"
