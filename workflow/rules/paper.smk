# The exhibits of the TOFU paper: from our own runs (paper), and from evaluation logs alone.


rule paper_from_logs:
    input:
        wanted_logs,
    localrule: True


rule paper_logs_ks:
    input:
        sorted({entry["path"] for entry in LOGS}),
    output:
        csv=report(
            paths.paper(WORLD, FROM_LOGS, "ks.csv"),
            caption="../report/paper_logs_ks.rst",
            category="Paper, from logs",
            labels={"exhibit": "Tables 3 and 4: KS values beside the printed ones"},
        ),
        markdown=paths.paper(WORLD, FROM_LOGS, "ks.md"),
    log:
        paths.log(WORLD, "paper", FROM_LOGS, "ks"),
    conda:
        "../../envs/light.yaml"
    params:
        entries=LOGS,
        variant=config["truth_ratio"],
        code=code("paper_logs_ks.py"),
    script:
        "../scripts/paper_logs_ks.py"


rule paper_logs_scores:
    input:
        sorted({entry["path"] for entry in LOGS}),
    output:
        paths.paper(WORLD, FROM_LOGS, "scores.csv"),
    log:
        paths.log(WORLD, "paper", FROM_LOGS, "scores"),
    conda:
        "../../envs/light.yaml"
    params:
        entries=LOGS,
        variant=config["truth_ratio"],
        code=code("paper_logs_scores.py"),
    script:
        "../scripts/paper_logs_scores.py"


rule paper_logs_utility:
    input:
        paths.paper(WORLD, FROM_LOGS, "scores.csv"),
    output:
        csv=report(
            paths.paper(WORLD, FROM_LOGS, "utility.csv"),
            caption="../report/paper_logs_utility.rst",
            category="Paper, from logs",
            labels={"exhibit": "model utility"},
        ),
        markdown=paths.paper(WORLD, FROM_LOGS, "utility.md"),
    log:
        paths.log(WORLD, "paper", FROM_LOGS, "utility"),
    conda:
        "../../envs/light.yaml"
    params:
        table="utility",
        methods=[],
        seeds=[0],
        code=code("table.py", "lethe.tables.utility"),
    script:
        "../scripts/table.py"


for _model in log_models():

    rule:
        name:
            f"paper_logs_truth_ratios_{file_name(_model).replace('.', '_')}"
        input:
            [entry["path"] for entry in model_logs(_model, paper_logs.counterpart(_model))],
        output:
            pdf=paths.paper(
                WORLD, FROM_LOGS, f"fig04_truth_ratios_{file_name(_model)}.pdf"
            ),
            png=report(
                paths.paper(
                    WORLD, FROM_LOGS, f"fig04_truth_ratios_{file_name(_model)}.png"
                ),
                caption="../report/paper_truth_ratios.rst",
                category="Paper, from logs",
                labels={"exhibit": f"Figure 4: truth ratios, {_model}"},
            ),
        log:
            paths.log(WORLD, "paper", FROM_LOGS, f"fig04_{file_name(_model)}"),
        conda:
            "../../envs/light.yaml"
        params:
            entries=model_logs(_model, paper_logs.counterpart(_model)),
            model=_model,
            other=paper_logs.counterpart(_model),
            split="forget10",
            variant=config["truth_ratio"],
            from_logs=True,
            code=code("paper_truth_ratios.py"),
        script:
            "../scripts/paper_truth_ratios.py"


for _model, _split in paper_logs.pairs(LOGS):

    rule:
        name:
            f"paper_logs_bars_{file_name(_model).replace('.', '_')}_{_split}"
        input:
            paths.paper(WORLD, FROM_LOGS, "scores.csv"),
        output:
            pdf=paths.paper(
                WORLD,
                FROM_LOGS,
                f"utility_bars_{file_name(_model)}_{_split}.pdf",
            ),
            png=report(
                paths.paper(
                    WORLD,
                    FROM_LOGS,
                    f"utility_bars_{file_name(_model)}_{_split}.png",
                ),
                caption="../report/paper_logs_bars.rst",
                category="Paper, from logs",
                labels={"exhibit": f"model utility, {_model}, {_split}"},
            ),
        log:
            paths.log(WORLD, "paper", FROM_LOGS, f"bars_{file_name(_model)}_{_split}"),
        conda:
            "../../envs/light.yaml"
        params:
            model=_model,
            split=_split,
            code=code("paper_logs_bars.py"),
        script:
            "../scripts/paper_logs_bars.py"
