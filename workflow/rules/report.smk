# Tables, figures and the check of what TOFU claims: from metric files alone.


rule scores:
    input:
        files(entries()),
    output:
        report(
            paths.table(WORLD, "scores.csv"),
            caption="../report/scores.rst",
            category="Tables",
            labels={"table": "all numbers"},
        ),
    log:
        paths.log(WORLD, "tables", "scores"),
    conda:
        "../../envs/light.yaml"
    params:
        entries=entries(),
        code=code("scores.py"),
    script:
        "../scripts/scores.py"


rule intervals:
    input:
        files(entries()),
    output:
        report(
            paths.table(WORLD, "intervals.csv"),
            caption="../report/intervals.rst",
            category="Tables",
            labels={"table": "intervals over items"},
        ),
    log:
        paths.log(WORLD, "tables", "intervals"),
    conda:
        "../../envs/light.yaml"
    params:
        entries=entries(),
        code=code("intervals.py"),
    script:
        "../scripts/intervals.py"


for _table in TABLES:

    rule:
        name:
            f"table_{_table}"
        input:
            **table_inputs(_table),
        output:
            csv=report(
                paths.table(WORLD, f"{_table}.csv"),
                caption=f"../report/{_table}.rst",
                category="Tables",
                labels={"table": _table},
            ),
            markdown=paths.table(WORLD, f"{_table}.md"),
        log:
            paths.log(WORLD, "tables", _table),
        conda:
            "../../envs/light.yaml"
        params:
            **table_settings(_table),
            table=_table,
            entries=table_entries(_table),
            oracles={name: list(SPLITS[name].roles) for name in CONFIG.splits},
            methods=CONFIG.methods,
            seeds=CONFIG.seeds,
            code=code("table.py", *table_modules(_table)),
        script:
            "../scripts/table.py"


for _figure in [name for name in CONFIG.figures if not of_sequence(name)]:

    rule:
        name:
            f"figure_{_figure}"
        input:
            **figure_tables(_figure),
            **figure_pairs(_figure),
            **figure_graphs(_figure),
            files=figure_metrics(_figure, files),
        output:
            pdf=paths.figure(WORLD, "{model}", "{split}", f"{_figure}.pdf"),
            png=report(
                paths.figure(WORLD, "{model}", "{split}", f"{_figure}.png"),
                caption=f"../report/{_figure}.rst",
                category="Figures",
                subcategory="{model}, {split}",
                labels={"figure": _figure.replace("_", " ")},
            ),
        log:
            paths.log(WORLD, "figures", "{model}", "{split}", _figure),
        conda:
            "../../envs/light.yaml"
        params:
            **figure_pair_entries(_figure),
            **figure_graph_entries(_figure),
            **figure_shares(_figure),
            figure=_figure,
            entries=figure_metrics(_figure),
            oracle=lambda w: oracle_of(w.split),
            methods=CONFIG.methods,
            seeds=CONFIG.seeds,
            code=code("figure.py", f"lethe.report.figures.{_figure}"),
        script:
            "../scripts/figure.py"


rule claims:
    input:
        paths.table(WORLD, "scores.csv"),
    output:
        paths.table(WORLD, "claims.json"),
    log:
        paths.log(WORLD, "tables", "claims"),
    conda:
        "../../envs/light.yaml"
    params:
        models=CONFIG.models,
        splits=CONFIG.splits,
        seeds=CONFIG.seeds,
        oracle_seeds=CONFIG.oracle_seeds,
        oracles={name: oracle_of(name) for name in CONFIG.splits},
        methods=CONFIG.methods,
        code=code("claims.py"),
    script:
        "../scripts/claims.py"


# `all` does not ask for it: a date differs from run to run. Jobs whose code changed have rerun
# before it, so the commit makes the same claims.
rule claims_revision:
    input:
        paths.table(WORLD, "claims.json"),
        paths.table(WORLD, "method_claims.csv"),
    output:
        paths.table(WORLD, "claims_revision.json"),
    log:
        paths.log(WORLD, "tables", "claims_revision"),
    conda:
        "../../envs/light.yaml"
    params:
        code=code("claims_revision.py"),
    script:
        "../scripts/claims_revision.py"
