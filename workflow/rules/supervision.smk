# What a model says about the names that are to be forgotten, in place of a split's rows.


for _kind in SUPERVISION_KINDS:

    rule:
        name:
            f"supervision_{_kind}"
        input:
            unpack(asked_files),
            # Only the names in it are used.
            **SEEN,
            gold=split_file("forget"),
        output:
            forget=supervision_file(_kind, MADE_FILES["forget"]),
            retain=supervision_file(_kind, MADE_FILES["retain"]),
            refusals=supervision_file(_kind, MADE_FILES["refusals"]),
            graph=supervision_file(_kind, GRAPH),
            cost=paths.cost(
                paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"),
                f"supervision_{_kind}",
            ),
        log:
            paths.log(
                WORLD,
                "{model}",
                "{split}",
                "{run}",
                "seed{seed}",
                f"supervision_{_kind}",
            ),
        wildcard_constraints:
            run=one_of(
                ["full", *dict.fromkeys(oracle_of(name) for name in CONFIG.splits)]
            ),
        priority: 6
        conda:
            "../../envs/torch.yaml"
        threads: CONFIG.threads.unlearn
        resources:
            mem_mb=main_memory,
        params:
            kind=_kind,
            settings=made_supervisions.settings_of(CONFIG, _kind),
            given=asked_given,
            loading=loading,
            template=one_setting("template"),
            max_length=one_setting("max_length"),
            threads=CONFIG.threads.unlearn,
            code=code("supervision.py", f"lethe.unlearn.supervisions.{_kind}"),
        script:
            "../scripts/supervision.py"
