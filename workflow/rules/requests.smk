# Requests that come one after another: what became of each run over the whole sequence.


rule sequence:
    input:
        run=lambda w: [
            file
            for request in sequence_requests(w)
            for file in after_request(w, w.run, request)
        ],
        full=lambda w: after_request(w, "full", len(REQUESTS)),
    output:
        sequence_file("{model}", "{run}", "{seed}"),
    log:
        paths.log(WORLD, "{model}", SEQUENCE, "{run}", "seed{seed}_sequence"),
    conda:
        "../../envs/light.yaml"
    params:
        unchanged=lambda w: (
            None if w.run in CONFIG.requests.methods else sequence_requests(w)
        ),
        code=code("sequence.py"),
    script:
        "../scripts/sequence.py"


rule request_scores:
    input:
        files(sequence_entries()),
    output:
        paths.table(WORLD, "request_scores.csv"),
    log:
        paths.log(WORLD, "tables", "request_scores"),
    conda:
        "../../envs/light.yaml"
    params:
        entries=sequence_entries(),
        code=code("scores.py"),
    script:
        "../scripts/scores.py"


for _figure in [name for name in CONFIG.figures if of_sequence(name)]:

    rule:
        name:
            f"figure_{_figure}"
        input:
            scores=paths.table(WORLD, "request_scores.csv"),
            files=files(sequence_entries()),
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
        wildcard_constraints:
            split=SEQUENCE,
        conda:
            "../../envs/light.yaml"
        params:
            figure=_figure,
            entries=sequence_entries(),
            oracle=sequence_oracle(),
            methods=CONFIG.requests.methods,
            seeds=CONFIG.seeds,
            code=code("figure.py", f"lethe.report.figures.{_figure}"),
        script:
            "../scripts/figure.py"
