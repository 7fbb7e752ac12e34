# Evaluation in two steps: collect loads the checkpoints of a run, once; score only reads its records.


rule collect:
    input:
        digests=lambda w: [
            f"{folder}/{paths.DIGEST}" for folder in checkpoint_folders(w)
        ],
        weights=lambda w: [
            ancient(f"{folder}/{paths.WEIGHTS}") for folder in checkpoint_folders(w)
        ],
        probes=[paths.data(WORLD, name) for name in PROBED.values()],
    output:
        records=paths.records(paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}")),
        cost=paths.cost(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), "collect"
        ),
    log:
        paths.log(WORLD, "{model}", "{split}", "{run}", "seed{seed}_collect"),
    conda:
        "../../envs/torch.yaml"
    threads: config["threads"]["collect"]
    resources:
        mem_mb=2000,
    params:
        sets=list(PROBED),
        most=config["evaluation"]["items"],
        max_length=config["evaluation"]["max_length"],
        template=one_setting("template"),
        label="evaluate {run} ({split}), seed {seed}",
        threads=config["threads"]["collect"],
        code=code("collect.py"),
    script:
        "../scripts/collect.py"


rule score:
    input:
        records=metric_records,
        needs=own_metrics,
        oracle=oracle_metrics,
    output:
        paths.metric(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), "{metric}"
        ),
    log:
        paths.log(WORLD, "{model}", "{split}", "{run}", "seed{seed}_{metric}"),
    conda:
        "../../envs/light.yaml"
    params:
        needs=lambda w: list(metrics.contract(w.metric).needs),
        settings=metric_settings,
        code=lambda w: code("score.py", f"lethe.metrics.{w.metric}"),
    script:
        "../scripts/score.py"
