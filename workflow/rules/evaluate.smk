# Evaluation in two steps: collect loads a run's checkpoints once; score only reads the records.


rule collect:
    input:
        unpack(lambda w: beneath(w, w.run)),
        **SEEN,
        digests=lambda w: [
            f"{folder}/{paths.DIGEST}" for folder in checkpoint_folders(w)
        ],
        weights=lambda w: [
            ancient(f"{folder}/{paths.WEIGHTS}") for folder in checkpoint_folders(w)
        ],
        rows=probed_files,
        shown=asked_pictures,
        reference=reference_of_suite,
    output:
        records=paths.records(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), "{suite}"
        ),
        cost=paths.cost(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"),
            "collect_{suite}",
        ),
    log:
        paths.log(WORLD, "{model}", "{split}", "{run}", "seed{seed}_collect_{suite}"),
    wildcard_constraints:
        run=collected_runs(),
    # If checkpoints are deleted after evaluation, evaluate before making more of them.
    priority: 0 if KEEP in (None, "all") else 30
    conda:
        "../../envs/torch.yaml"
    threads: cores("collect")
    resources:
        mem_mb=main_memory,
    params:
        given=given_checkpoint,
        reference=reference_source,
        loading=loading,
        sets=probed_sets,
        most=lambda w: settings.most_of_suite(CONFIG, w.suite),
        limits={
            key: getattr(CONFIG.evaluation, key)
            for key in ("max_length", "max_new_tokens")
        },
        settings=lambda w: settings.suite_settings(CONFIG, w.suite),
        template=one_setting("template"),
        label="evaluate {run} ({split}, {suite}), seed {seed}",
        threads=CONFIG.threads.collect,
        code=lambda w: code(
            "collect.py", f"lethe.evaluate.suites.{w.suite}", *intervention_modules(w)
        ),
    script:
        "../scripts/collect.py"


rule score:
    input:
        records=metric_records,
        end=end_of_run,
        needs=own_metrics,
        oracle=oracle_metrics,
        oracle_records=oracle_records,
        full=full_metrics,
        base=base_metrics,
        oracles=metrics_by_role,
        before=records_before,
        oracle_before=oracle_records_before,
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
