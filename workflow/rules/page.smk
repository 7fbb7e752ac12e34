# The page that opens on results: everything that the other jobs made, in one file.


rule page:
    input:
        **page_inputs(),
    output:
        PAGE,
    log:
        paths.log(WORLD, "page"),
    conda:
        "../../envs/light.yaml"
    params:
        **page_pairs(),
        run=page_run(),
        parts=shown_parts(),
        captions=captioned(),
        pictures=pictures(),
        metrics=page_metrics(),
        records=page_records(),
        audits=audit_entries(),
        code=code("page.py", *map(figures.FIGURES.module, FIGURES)),
    script:
        "../scripts/page.py"
