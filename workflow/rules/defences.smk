# Defences in pairs: what each trains, the runs one after the other, and what the second did.


for _defence in defences.names(CONFIG):

    rule:
        name:
            f"defence_rows_{_defence}"
        input:
            forget=paths.data(WORLD, SPLITS[DEFENCE_SPLIT].files["forget"]),
            retain=paths.data(WORLD, SPLITS[DEFENCE_SPLIT].files["retain"]),
        output:
            trained=defence_rows(_defence, "trained"),
            risk=defence_rows(_defence, "risk"),
        log:
            paths.log(WORLD, "defences", _defence),
        # What a world lacks is reported before anything is trained.
        priority: 50
        conda:
            "../../envs/light.yaml"
        params:
            defence=defences.kind(CONFIG, _defence),
            settings=defence_settings(_defence),
            name=_defence,
            code=code(
                "defence_rows.py",
                defence_kinds.DEFENCES.module(defences.kind(CONFIG, _defence)),
            ),
        script:
            "../scripts/defence_rows.py"


for _run in DEFENCE_RUNS.values():

    rule:
        name:
            f"defend_{_run.name}"
        input:
            unpack(defence_start(_run)),
            **defence_inputs(_run),
        output:
            **checkpoint_files(defence_end(_run), stays=KEEP != "none"),
            cost=paths.cost(defence_run(_run), "defend"),
        log:
            paths.log(WORLD, "{model}", DEFENCE_SPLIT, _run.name, "seed{seed}"),
        priority: 5
        conda:
            "../../envs/torch.yaml"
        threads: cores("unlearn")
        resources:
            mem_mb=main_memory,
        params:
            method=defences.method_of(CONFIG, _run),
            settings=defences.trained(CONFIG, _run).settings.model_dump(mode="json"),
            given=given_pair_start(_run),
            others=given_before(_run),
            loading=loading,
            training=training("unlearn"),
            template=one_setting("template"),
            max_length=one_setting("max_length"),
            split=DEFENCE_SPLIT,
            label=f"{_run.name} ({DEFENCE_SPLIT}), seed {{seed}}",
            threads=CONFIG.threads.unlearn,
            code=code("defend.py", *defence_modules(_run)),
        script:
            "../scripts/defend.py"


if DEFENCE_RUNS:

    rule defence_pair:
        input:
            unpack(pair_ends),
            rows=pair_rows,
        output:
            pair=paths.defence_pair(
                paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}")
            ),
            cost=paths.cost(
                paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"),
                "defence_pair",
            ),
        log:
            paths.log(WORLD, "{model}", "{split}", "{run}", "seed{seed}_defence_pair"),
        wildcard_constraints:
            run=one_of([run.name for run in defences.pairs(CONFIG)]),
        conda:
            "../../envs/torch.yaml"
        threads: CONFIG.threads.collect
        resources:
            mem_mb=main_memory,
        params:
            given=given_full,
            loading=loading,
            most=CONFIG.defences.items,
            template=one_setting("template"),
            max_length=one_setting("max_length"),
            label="{run} ({split}), seed {seed}",
            threads=CONFIG.threads.collect,
            code=code("defence_pair.py"),
        script:
            "../scripts/defence_pair.py"
