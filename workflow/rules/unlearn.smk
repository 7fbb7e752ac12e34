# Unlearning: one rule for each method, since methods differ in what they need and in their epochs.


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
