# Search: each trial is a method with its own rule; one job for each method ranks its trials.


for _method in CONFIG.search.methods:

    rule:
        name:
            f"search_{_method}"
        input:
            ratios=trial_metrics(_method, "truth_ratio"),
            utilities=trial_metrics(_method, "model_utility"),
            oracle=oracle_metric("truth_ratio"),
            full=paths.metric(
                paths.run(WORLD, "{model}", "{split}", "full", "{seed}"),
                "model_utility",
            ),
        output:
            paths.search(method_run(_method)),
        log:
            paths.log(WORLD, "{model}", "{split}", _method, "seed{seed}_search"),
        conda:
            "../../envs/light.yaml"
        params:
            trials=search.trials(CONFIG, _method),
            code=code("search.py"),
        script:
            "../scripts/search.py"
