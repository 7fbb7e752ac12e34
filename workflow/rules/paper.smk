# The exhibits of the TOFU paper: from our own runs (paper), and from evaluation logs alone.


rule paper:
    input:
        paper_files(),
    localrule: True


rule paper_scores:
    input:
        files(paper_entries()),
    output:
        paths.paper(WORLD, "scores.csv"),
    log:
        paths.log(WORLD, "paper", "scores"),
    conda:
        "../../envs/light.yaml"
    params:
        entries=paper_entries(),
        code=code("scores.py"),
    script:
        "../scripts/scores.py"


rule paper_words:
    input:
        paths.data(WORLD, "full"),
        paths.data(WORLD, "background"),
    output:
        pdf=paths.paper(WORLD, "fig02_words.pdf"),
        png=report(
            paths.paper(WORLD, "fig02_words.png"),
            caption="../report/paper_words.rst",
            category="Paper",
            labels={"exhibit": "Figure 2: word frequencies"},
        ),
        csv=paths.paper(WORLD, "fig02_words.csv"),
    log:
        paths.log(WORLD, "paper", "fig02_words"),
    conda:
        "../../envs/light.yaml"
    params:
        texts=[WORLD, "background"],
        code=code("paper_words.py"),
    script:
        "../scripts/paper_words.py"


rule paper_truth_ratios:
    input:
        lambda w: files(figure4_entries(w)),
    output:
        pdf=paths.paper(WORLD, "fig04_truth_ratios/{model}.pdf"),
        png=report(
            paths.paper(WORLD, "fig04_truth_ratios/{model}.png"),
            caption="../report/paper_truth_ratios.rst",
            category="Paper",
            labels={"exhibit": "Figure 4: truth ratios, {model}"},
        ),
    log:
        paths.log(WORLD, "paper", "fig04_{model}"),
    conda:
        "../../envs/light.yaml"
    params:
        entries=figure4_entries,
        model="{model}",
        other=lambda w: other_model(w.model),
        split=SIZES[-1],
        variant=truth_ratio_variant(),
        from_logs=False,
        code=code("paper_truth_ratios.py", *KS),
    script:
        "../scripts/paper_truth_ratios.py"


rule paper_trajectories:
    input:
        paths.paper(WORLD, "scores.csv"),
    output:
        pdf=paths.paper(WORLD, "fig05_06_trajectories/{model}.pdf"),
        png=report(
            paths.paper(WORLD, "fig05_06_trajectories/{model}.png"),
            caption="../report/paper_trajectories.rst",
            category="Paper",
            labels={"exhibit": "Figures 5 and 6: trajectories, {model}"},
        ),
    log:
        paths.log(WORLD, "paper", "fig05_06_{model}"),
    conda:
        "../../envs/light.yaml"
    params:
        exhibit="trajectories",
        panels=lambda w: [(w.model, split) for split in SIZES],
        methods=LISTED,
        seeds=CONFIG.seeds,
        code=code("paper_figure.py", "lethe.report.paper.trajectories"),
    script:
        "../scripts/paper_figure.py"


rule paper_zoom:
    input:
        paths.paper(WORLD, "scores.csv"),
    output:
        pdf=paths.paper(WORLD, "fig07_zoom.pdf"),
        png=report(
            paths.paper(WORLD, "fig07_zoom.png"),
            caption="../report/paper_zoom.rst",
            category="Paper",
            labels={"exhibit": "Figure 7: zoom on the smallest forget set"},
        ),
    log:
        paths.log(WORLD, "paper", "fig07_zoom"),
    conda:
        "../../envs/light.yaml"
    params:
        exhibit="zoom",
        panels=[(model, SIZES[0]) for model in CONFIG.models],
        methods=LISTED,
        seeds=CONFIG.seeds,
        code=code("paper_figure.py", "lethe.report.paper.zoom"),
    script:
        "../scripts/paper_figure.py"


rule paper_zoom_longer:
    input:
        paths.paper(WORLD, "scores.csv"),
    output:
        pdf=paths.paper(WORLD, "fig09_zoom_longer.pdf"),
        png=report(
            paths.paper(WORLD, "fig09_zoom_longer.png"),
            caption="../report/paper_zoom.rst",
            category="Paper",
            labels={"exhibit": "Figure 9: the same with other settings"},
        ),
    log:
        paths.log(WORLD, "paper", "fig09_zoom_longer"),
    conda:
        "../../envs/light.yaml"
    params:
        exhibit="zoom",
        panels=[(LAST_MODEL, SIZES[0])],
        methods=unlisted_methods(),
        seeds=CONFIG.seeds,
        code=code("paper_figure.py", "lethe.report.paper.zoom"),
    script:
        "../scripts/paper_figure.py"


rule paper_curves:
    input:
        paths.paper(WORLD, "scores.csv"),
    output:
        pdf=paths.paper(WORLD, "fig10_33_curves/{model}/{split}/{run}.pdf"),
        png=report(
            paths.paper(WORLD, "fig10_33_curves/{model}/{split}/{run}.png"),
            caption="../report/paper_curves.rst",
            category="Paper",
            subcategory="Figures 8 and 10 to 33",
            labels={"exhibit": "{run}, {model}, {split}"},
        ),
    log:
        paths.log(WORLD, "paper", "fig10_33_{model}_{split}_{run}"),
    conda:
        "../../envs/light.yaml"
    params:
        exhibit="curves",
        panels=lambda w: [(w.model, w.split)],
        methods=lambda w: {w.run: LISTED[w.run]},
        seeds=CONFIG.seeds,
        code=code("paper_figure.py", "lethe.report.paper.curves"),
    script:
        "../scripts/paper_figure.py"


for _exhibit, (_number, _title, _runs, _metrics) in PAPER_TABLES.items():

    rule:
        name:
            f"paper_{_exhibit}"
        input:
            files(evaluated(CONFIG.models, SIZES, _runs)),
        output:
            csv=report(
                paths.paper(WORLD, f"table{_number}_{_exhibit}.csv"),
                caption=f"../report/paper_{_exhibit}.rst",
                category="Paper",
                labels={"exhibit": f"Table {_number}: {_title}"},
            ),
            markdown=paths.paper(WORLD, f"table{_number}_{_exhibit}.md"),
        log:
            paths.log(WORLD, "paper", f"table{_number}"),
        conda:
            "../../envs/light.yaml"
        params:
            exhibit=_exhibit,
            entries=evaluated(CONFIG.models, SIZES, _runs),
            splits=SIZES,
            variant=truth_ratio_variant(),
            code=code("paper_table.py", f"lethe.report.paper.{_exhibit}", *_metrics),
        script:
            "../scripts/paper_table.py"


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
        variant=truth_ratio_variant(),
        code=code("paper_logs_ks.py", *KS),
    script:
        "../scripts/paper_logs_ks.py"


rule paper_logs_scores:
    input:
        sorted({entry["path"] for entry in LOGS}),
    output:
        scores=paths.paper(WORLD, FROM_LOGS, "scores.csv"),
        intervals=paths.paper(WORLD, FROM_LOGS, "intervals.csv"),
    log:
        paths.log(WORLD, "paper", FROM_LOGS, "scores"),
    conda:
        "../../envs/light.yaml"
    params:
        entries=LOGS,
        variant=truth_ratio_variant(),
        code=code("paper_logs_scores.py", *UTILITY),
    script:
        "../scripts/paper_logs_scores.py"


rule paper_logs_utility:
    input:
        scores=paths.paper(WORLD, FROM_LOGS, "scores.csv"),
        intervals=paths.paper(WORLD, FROM_LOGS, "intervals.csv"),
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
        entries=[],
        code=code("table.py", "lethe.report.tables.utility"),
    script:
        "../scripts/table.py"


for _model in log_models():

    rule:
        name:
            f"paper_logs_truth_ratios_{file_name(_model).replace('.', '_')}"
        input:
            [
                entry["path"]
                for entry in model_logs(_model, paper_logs.counterpart(_model))
            ],
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
            variant=truth_ratio_variant(),
            from_logs=True,
            code=code("paper_truth_ratios.py", *KS),
        script:
            "../scripts/paper_truth_ratios.py"


for _model, _split in paper_logs.pairs(LOGS):

    rule:
        name:
            f"paper_logs_bars_{file_name(_model).replace('.', '_')}_{_split}"
        input:
            scores=paths.paper(WORLD, FROM_LOGS, "scores.csv"),
            intervals=paths.paper(WORLD, FROM_LOGS, "intervals.csv"),
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
