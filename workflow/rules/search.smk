# Search: each trial is a method with its own rule; one job for each search ranks its trials.


for _method in search.drawn_methods(WRITTEN):

    rule:
        name:
            f"search_{_method}"
        input:
            **judged_by(search.trials(CONFIG, _method)),
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


# Trials that are proposed from the results of those before: the jobs are fixed, and what a trial is
# stands in a file that another job makes.
for _chain in CHAINS:

    rule:
        name:
            f"search_{_chain.name}"
        input:
            **judged_by(search_chains.trial_names(WRITTEN, _chain)),
            batches=batch_files(_chain),
        output:
            paths.search(method_run(_chain.name)),
        log:
            paths.log(WORLD, "{model}", "{split}", _chain.name, "seed{seed}_search"),
        conda:
            "../../envs/light.yaml"
        params:
            start=search_chains.first_trial(WRITTEN, _chain.start),
            several=len(_chain.methods) > 1,
            code=code("search_chain.py"),
        script:
            "../scripts/search_chain.py"

    for _batch in search_chains.batches(WRITTEN, _chain):

        rule:
            name:
                f"propose_{_chain.name}_batch{_batch.number}"
            input:
                **judged_by(_batch.before),
                batches=batch_files(_chain, _batch),
            output:
                batch_file(_chain, _batch),
            log:
                paths.log(
                    WORLD,
                    "{model}",
                    "{split}",
                    _chain.name,
                    f"seed{{seed}}_batch{_batch.number}",
                ),
            conda:
                "../../envs/light.yaml"
            params:
                **proposing(_chain, _batch),
                code=code("propose.py", strategies.module(_chain.strategy)),
            script:
                "../scripts/propose.py"


for _trial, (_chain, _batch) in awaited_in().items():

    rule:
        name:
            f"unlearn_{_trial}"
        input:
            unpack(begin_files(_trial)),
            **option_inputs(may_be(_trial)),
            batch=batch_file(_chain, _batch),
        output:
            digest=f"{paths.epoch(method_run(_trial), 1)}/{paths.DIGEST}",
            weights=epoch_weights(_trial, disk.kept_epochs(KEEP, 1)),
            cost=paths.cost(method_run(_trial), "unlearn"),
        log:
            paths.log(WORLD, "{model}", "{split}", _trial, "seed{seed}"),
        wildcard_constraints:
            split=one_of(CONFIG.splits),
        priority: 5
        conda:
            "../../envs/torch.yaml"
        threads: cores("unlearn")
        resources:
            mem_mb=main_memory,
        params:
            trial=_trial,
            methods=chosen_from(_chain),
            given=begin_given(_trial),
            loading=loading,
            training=training("unlearn"),
            template=one_setting("template"),
            max_length=one_setting("max_length"),
            label=f"{_trial} ({{split}}), seed {{seed}}",
            threads=CONFIG.threads.unlearn,
            code=code("trial.py", *option_modules(may_be(_trial))),
        script:
            "../scripts/trial.py"
