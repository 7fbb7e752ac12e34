# Evaluation in two steps: collect loads the checkpoints of a run, once; score only reads its records.

PROBED = {
    "forget": "{split}_perturbed",
    "retain": "retain_perturbed",
    "real_authors": "real_authors_perturbed",
    "world_facts": "world_facts_perturbed",
}


def run_folder(wildcards):
    return paths.run(
        WORLD, wildcards.model, wildcards.split, wildcards.run, wildcards.seed
    )


def checkpoint_folders(wildcards):
    """The checkpoints of a run, first epoch first."""
    w = wildcards
    if w.run in ("full", "retain"):
        return [paths.trained(WORLD, w.model, w.split, w.run, w.seed)]
    return [paths.epoch(run_folder(w), epoch) for epoch in epochs_of(w.run)]


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


def own_metrics(wildcards):
    """Metric files of the same run that a metric reads."""
    needs = metrics.contract(wildcards.metric).needs
    return [paths.metric(run_folder(wildcards), need) for need in needs]


def oracle_metrics(wildcards):
    """The same files of the oracle: of the run's own seed, or of the first for further oracles."""
    contract, w = metrics.contract(wildcards.metric), wildcards
    if not contract.oracle:
        return []
    seed = w.seed if int(w.seed) in config["seeds"] else config["seeds"][0]
    oracle = paths.run(WORLD, w.model, w.split, "retain", seed)
    return [paths.metric(oracle, need) for need in contract.needs]


def metric_records(wildcards):
    wanted = metrics.contract(wildcards.metric).records
    return paths.records(run_folder(wildcards)) if wanted else []


def metric_settings(wildcards):
    """The settings of the configuration that a metric has."""
    known = metrics.contract(wildcards.metric).settings
    return {"variant": config["truth_ratio"]} if "variant" in known else {}


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
