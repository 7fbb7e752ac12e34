# Audits: probes are put to a run's last checkpoint once, then compared with full and oracle.


rule audit_answers:
    input:
        unpack(audit_inputs),
        **SEEN,
        rows=audit_rows,
    output:
        paths.audit(paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), ANSWERS),
    log:
        paths.log(WORLD, "{model}", "{split}", "{run}", "seed{seed}_audit_answers"),
    # As in collect: before more checkpoints are made, if they are deleted afterwards.
    priority: 0 if KEEP in (None, "all") else 30
    conda:
        "../../envs/torch.yaml"
    threads: CONFIG.threads.collect
    resources:
        mem_mb=main_memory,
    params:
        given=audit_given,
        loading=loading,
        training=training("relearn"),
        sets=list(AUDIT_ROWS),
        template=one_setting("template"),
        asked=CONFIG.audit.model_dump(mode="json"),
        label="audit {run} ({split}), seed {seed}",
        threads=CONFIG.threads.collect,
        code=lambda w: code("audit_answers.py", *audit_modules(w)),
    script:
        "../scripts/audit_answers.py"


rule audit:
    input:
        own=paths.audit(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), ANSWERS
        ),
        full=audit_answers("full"),
        oracle=audit_answers("oracle"),
    output:
        json=paths.audit(
            paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), "audit.json"
        ),
        page=report(
            paths.audit(
                paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), "audit.html"
            ),
            caption="../report/audit.rst",
            category="Audits",
            subcategory="{model}, {split}",
            labels={"run": "{run}", "seed": "{seed}"},
        ),
    log:
        paths.log(WORLD, "{model}", "{split}", "{run}", "seed{seed}_audit"),
    conda:
        "../../envs/light.yaml"
    params:
        about=audit_about,
        code=lambda w: code("audit.py"),
    script:
        "../scripts/audit.py"
