# Lines between checkpoints: the loss of models whose weights are between those of two runs.


rule interpolation:
    input:
        unpack(line_ends),
        **SEEN,
        rows=line_rows,
    output:
        line=paths.line(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"),
            "{other}",
            "{other_seed}",
        ),
        cost=paths.cost(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"),
            "line_to_{other}_seed{other_seed}",
        ),
    log:
        paths.log(
            WORLD,
            "{model}",
            "{split}",
            "{run}",
            "seed{seed}_line_to_{other}_seed{other_seed}",
        ),
    wildcard_constraints:
        other="[a-z][a-z0-9_]*",
        other_seed="[0-9]+",
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG.threads.collect
    resources:
        mem_mb=main_memory,
    params:
        given=given_ends,
        loading=loading,
        sets=list(LINE_SETS),
        most=settings.items_of(CONFIG, LINE_SETS),
        points=CONFIG.interpolation.points,
        template=one_setting("template"),
        max_length=CONFIG.evaluation.max_length,
        label="line from {run} to {other} ({split}), seeds {seed}, {other_seed}",
        threads=CONFIG.threads.collect,
        code=code("interpolation.py"),
    script:
        "../scripts/interpolation.py"
