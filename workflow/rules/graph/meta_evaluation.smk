# The pools of models on which metrics are tested, and what the test compares.

from lethe.analysis import pools

META = CONFIG.meta_evaluation


def pool_sizes():
    """How many models each pool has."""
    return {"with": META.positives, "without": META.negatives}


def pool_files(wildcards):
    """The values of every model of a pool, by pool."""
    return {
        f"{pool}_knowledge": [
            paths.pool_values(
                paths.run(
                    WORLD,
                    wildcards.model,
                    wildcards.split,
                    pools.run_of(pool),
                    META.seed + number,
                )
            )
            for number in range(size)
        ]
        for pool, size in pool_sizes().items()
    }


def pool_of(wildcards):
    return wildcards.run.removeprefix(pools.run_of(""))


def pool_member(wildcards):
    """The variant of a pool's model, and how it is fine-tuned."""
    finetune = CONFIG.model_settings[wildcards.model].finetune.model_dump()
    number = int(wildcards.seed) - META.seed
    return pools.member(pool_of(wildcards), number, finetune, META.rates, META.lengths)


def pool_suites():
    """The suites that the metrics of a run read."""
    asked = [metrics.contract(name) for name in run_metrics()]
    return list(dict.fromkeys(one.suite for one in asked if one.records))


def pool_rows(wildcards):
    """The data files of all suites' sets, suite by suite."""
    named = SPLITS[wildcards.split].files
    return [
        paths.data(WORLD, file)
        for name in pool_suites()
        for file in suite.contract(name).files(named).values()
    ]


def pool_needs(of):
    """The metrics of the oracle, or of ``full``, that others read."""
    asked = [metrics.contract(name) for name in run_metrics()]
    return list(
        dict.fromkeys(need for one in asked if getattr(one, of) for need in one.needs)
    )


def pool_beside(wildcards):
    """The checkpoints that suites compare with, by suite."""
    return {
        name: reference_source(place) for name, place in _compared_places(wildcards)
    }


def pool_beside_files(wildcards):
    """The files of these checkpoints."""
    places = [place for _, place in _compared_places(wildcards)]
    return [file for place in places for file in reference_of_suite(place)]


def _compared_places(wildcards):
    """For each suite that compares with a checkpoint, the wildcards of its job for a pool's model."""
    own = {key: wildcards.get(key) for key in ("model", "split", "run", "seed")}
    return [
        (name, type(wildcards)(fromdict={**own, "suite": name}))
        for name in pool_suites()
        if suite.contract(name).reference is not None
    ]


def pool_references(wildcards):
    """What was measured on the oracle and the full model of the first seed."""
    oracle = paths.run(
        WORLD,
        wildcards.model,
        wildcards.split,
        oracle_of(wildcards.split),
        CONFIG.seeds[0],
    )
    full = paths.run(WORLD, wildcards.model, wildcards.split, "full", CONFIG.seeds[0])
    return {
        "oracle": [paths.metric(oracle, need) for need in pool_needs("oracle")],
        "full": [paths.metric(full, need) for need in pool_needs("full")],
        "oracle_records": [paths.records(oracle, name) for name in pool_compared()],
    }


def pool_compared():
    """The suites whose records of the oracle a metric reads."""
    asked = [metrics.contract(name) for name in run_metrics()]
    return list(dict.fromkeys(one.suite for one in asked if one.oracle_records))


def pool_evaluation():
    """The metrics by which a pool's models are measured, and their settings."""
    own = CONFIG.metric_settings
    limits = ("max_length", "max_new_tokens")
    return {
        "metrics": run_metrics(),
        "metric_settings": {name: own[name] for name in run_metrics() if name in own},
        "suite_settings": {
            name: settings.suite_settings(CONFIG, name) for name in pool_suites()
        },
        "limits": {key: getattr(CONFIG.evaluation, key) for key in limits},
    }


def meta_entries(wildcards):
    """The metric files of all runs of a model and split that are attacked, before and after."""
    own = [
        {**entry, "state": None}
        for entry in entries(wildcards.model, wildcards.split)
        if entry["seed"] in CONFIG.seeds
    ]
    after = [
        entry
        for entry in state_entries()
        if entry["state"] in (META.relearning, META.quantization)
        and (entry["model"], entry["split"]) == (wildcards.model, wildcards.split)
        and entry["metric"] in run_metrics()
    ]
    attacked = settings.attacked_runs(CONFIG, SPLITS[wildcards.split].roles)
    return [entry for entry in own + after if entry["run"] in attacked]


def meta_files(wildcards):
    return files(meta_entries(wildcards))


def meta_evaluation_entries():
    """The result of every meta-evaluation, with the nouns that it belongs to."""
    return [
        {
            "model": model,
            "split": split,
            "path": paths.meta_evaluation(WORLD, model, split),
        }
        for model, split in product(CONFIG.models, CONFIG.splits)
        if META.enabled
    ]
