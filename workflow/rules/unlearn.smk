# Unlearning: one rule for each method, since methods differ in what they need and in their epochs.


# What the full model makes from the forget set before it is unlearned, for methods that need it.
for _need in MADE_NEEDS:

    rule:
        name:
            _need.source.run
        input:
            unpack(full_files),
            **SEEN,
            forget=split_file("forget"),
        output:
            made=made_file(_need.source),
            cost=paths.cost(
                paths.run(WORLD, "{model}", "{split}", _need.source.run, "{seed}"),
                _need.source.run,
            ),
        log:
            paths.log(WORLD, "{model}", "{split}", _need.source.run, "seed{seed}"),
        priority: 6
        conda:
            "../../envs/torch.yaml"
        threads: CONFIG.threads.unlearn
        resources:
            mem_mb=main_memory,
        params:
            maker=_need.source.maker,
            given=given_full,
            loading=loading,
            options=needs.options(CONFIG, _need),
            template=one_setting("template"),
            max_length=one_setting("max_length"),
            threads=CONFIG.threads.unlearn,
            code=code("made.py", _need.source.maker.rpartition(".")[0]),
        script:
            "../scripts/made.py"


for _rule in unlearn_rules():

    _method = _rule.method
    _class = settings.method_class(CONFIG, _method)

    rule:
        name:
            _rule.name
        input:
            unpack(begin_files(_method)),
            **method_inputs(_method, _rule.chained),
            **in_run_inputs(),
            **SEEN,
        output:
            **in_run_outputs(_method),
            digests=[
                f"{folder}/{paths.DIGEST}"
                for folder in written_folders(_method, _rule.stay)
            ],
            weights=epoch_weights(_method, _rule.stay),
            cost=paths.cost(method_run(_method), "unlearn"),
        log:
            paths.log(WORLD, "{model}", "{split}", _method, "seed{seed}"),
        wildcard_constraints:
            split=one_of(_rule.splits),
        priority: 5
        conda:
            "../../envs/torch.yaml"
        threads: cores("unlearn")
        resources:
            mem_mb=main_memory,
        params:
            **in_run_params(_method, _rule.stay),
            method=_class,
            settings=settings.method_settings(CONFIG, _method),
            given=begin_given(_method),
            others=checkpoints_given(_method),
            loading=loading,
            training=training("unlearn"),
            template=one_setting("template"),
            max_length=one_setting("max_length"),
            label=f"{_method} ({{split}}), seed {{seed}}",
            threads=CONFIG.threads.unlearn,
            code=code(
                unlearn_script(),
                f"lethe.unlearn.methods.{_class}",
                *wrapper_modules(_method),
                *need_modules(_method),
                *asked_modules(),
            ),
        script:
            f"../scripts/{unlearn_script()}"
