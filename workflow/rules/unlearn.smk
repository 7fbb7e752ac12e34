# Unlearning: one rule for each method, since methods differ in what they need and in their epochs.


def method_run(method):
    return paths.run(WORLD, "{model}", "{split}", method, "{seed}")


def method_inputs(needs):
    """The data that a method declares it needs, and no other."""
    inputs = {"forget": paths.data(WORLD, "{split}")}
    if "retain" in needs:
        inputs["retain"] = lambda w: paths.data(WORLD, parse_split(w.split).retain)
    if "refusals" in needs:
        inputs["refusals"] = paths.refusals(WORLD)
    return inputs


def epochs_of(method):
    return range(1, settings.method_settings(config, method)["epochs"] + 1)


def epoch_folders(method):
    return [paths.epoch(method_run(method), epoch) for epoch in epochs_of(method)]


for _method in config["methods"]:

    _class = settings.method_class(config, _method)

    rule:
        name:
            f"unlearn_{_method}"
        input:
            **parent(paths.trained(WORLD, "{model}", "", "full", "{seed}")),
            **method_inputs(methods.load(_class).needs),
        output:
            digests=[f"{folder}/{paths.DIGEST}" for folder in epoch_folders(_method)],
            weights=[f"{folder}/{paths.WEIGHTS}" for folder in epoch_folders(_method)],
            cost=paths.cost(method_run(_method), "unlearn"),
        log:
            paths.log(WORLD, "{model}", "{split}", _method, "seed{seed}"),
        priority: 5
        conda:
            "../../envs/torch.yaml"
        threads: config["threads"]["unlearn"]
        resources:
            mem_mb=2000,
        params:
            method=_class,
            settings=settings.method_settings(config, _method),
            template=one_setting("template"),
            max_length=one_setting("max_length"),
            label=f"{_method} ({{split}}), seed {{seed}}",
            threads=config["threads"]["unlearn"],
            code=code("unlearn.py", f"lethe.methods.{_class}"),
        script:
            "../scripts/unlearn.py"
