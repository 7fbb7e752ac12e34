# The exhibits of the TOFU paper: from our own runs (paper), and from evaluation logs alone.


rule paper:
    input:
        wanted_exhibits,
    localrule: True


rule paper_from_logs:
    input:
        wanted_logs,
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


rule paper_logs_scores:
    input:
        sorted({entry["path"] for entry in LOGS}),
    output:
        scores=paths.paper(WORLD, exhibit.FROM_LOGS, "scores.csv"),
        intervals=paths.paper(WORLD, exhibit.FROM_LOGS, "intervals.csv"),
    log:
        paths.log(WORLD, "paper", exhibit.FROM_LOGS, "scores"),
    conda:
        "../../envs/light.yaml"
    params:
        entries=LOGS,
        variant=truth_ratio_variant(),
        code=code("log_scores.py", *map(metrics.METRICS.module, UTILITY)),
    script:
        "../scripts/log_scores.py"


for _exhibit in exhibits_made():

    rule:
        name:
            f"paper_{_exhibit}"
        input:
            unpack(exhibit_inputs(_exhibit)),
        output:
            **exhibit_outputs(_exhibit),
        log:
            paths.log(WORLD, "paper", exhibit.contract(_exhibit).place),
        wildcard_constraints:
            **exhibit_constraints(_exhibit),
        conda:
            "../../envs/light.yaml"
        params:
            exhibit=_exhibit,
            about=exhibit_about(_exhibit),
            made_of=exhibit_made_of(_exhibit),
            caption=exhibit_caption(_exhibit),
            code=exhibit_code(_exhibit),
        script:
            "../scripts/paper_exhibit.py"
