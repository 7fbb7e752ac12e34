# Attacks on finished runs: relearning, quantisation. Each changes the last checkpoint, and the
# result is evaluated like a run.


for _state in CONFIG.attacks:

    rule:
        name:
            f"state_{_state}"
        input:
            unpack(state_start(_state)),
            unpack(student_files(_state)),
            **state_inputs(_state),
            **SEEN,
        output:
            **checkpoint_files(
                paths.state_checkpoint(STATE.replace("{state}", _state)),
                stays=KEEP != "none",
            ),
            cost=paths.cost(STATE.replace("{state}", _state), "state"),
        log:
            paths.log(
                WORLD, "{model}", "{split}", "{run}", f"seed{{seed}}_state_{_state}"
            ),
        conda:
            "../../envs/torch.yaml"
        threads: cores("unlearn")
        resources:
            mem_mb=main_memory,
        params:
            given=given_start(_state),
            student=given_student(_state),
            loading=loading,
            training=training("relearn"),
            kind=settings.attack_kind(CONFIG, _state),
            settings=settings.attack_settings(CONFIG, _state),
            template=one_setting("template"),
            max_length=one_setting("max_length"),
            label=f"{_state}: {{run}} ({{split}}), seed {{seed}}",
            threads=CONFIG.threads.unlearn,
            code=code(
                "state.py",
                f"lethe.evaluate.attacks.{settings.attack_kind(CONFIG, _state)}",
            ),
        script:
            "../scripts/state.py"


use rule collect as collect_state with:
    input:
        **SEEN,
        digests=[f"{paths.state_checkpoint(STATE)}/{paths.DIGEST}"],
        weights=[ancient(f"{paths.state_checkpoint(STATE)}/{paths.WEIGHTS}")],
        rows=probed_files,
        shown=asked_pictures,
        reference=reference_of_suite,
    output:
        records=paths.records(STATE, "{suite}"),
        cost=paths.cost(STATE, "collect_{suite}"),
    log:
        paths.log(
            WORLD, "{model}", "{split}", "{run}", "seed{seed}_{state}_collect_{suite}"
        ),
    wildcard_constraints:
        run="[a-z][a-z0-9_]*",
    params:
        given=None,
        label="evaluate {run}, {state} ({split}, {suite}), seed {seed}",


use rule score as score_state with:
    output:
        paths.metric(STATE, "{metric}"),
    log:
        paths.log(WORLD, "{model}", "{split}", "{run}", "seed{seed}_{state}_{metric}"),
