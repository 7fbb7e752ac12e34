# The files of audits: which runs are audited, and what their checkpoints are asked.

from lethe.analysis.audit import probe

# The sets of rows that probes read, with their files.
AUDIT_ROWS = {name: files[0] for name, files in probe.FILES.items()}
ANSWERS = "answers.json"


def audit_entries():
    """The audit of every method and of oracles of further seeds, with the nouns it belongs to."""
    runs = [
        {"model": model, "split": split, "run": run, "seed": seed}
        for model, split in product(CONFIG.models, CONFIG.splits)
        for run, seed in runs_of(split)
        if run in CONFIG.methods
        or (is_oracle(run, split) and is_further(run, split, seed))
    ]
    return [
        {**place, "path": paths.audit(paths.run(WORLD, *place.values()), "audit.json")}
        for place in (runs if CONFIG.audit.budget else ())
    ]


def is_further(run, split, seed):
    """Whether a run is not one of the oracles that others are compared with."""
    return run != oracle_of(split) or seed not in CONFIG.seeds


def audit_files():
    return files(audit_entries())


def audit_rows(wildcards):
    """The data files of AUDIT_ROWS, in their order."""
    parts = SPLITS[wildcards.split].files
    return [paths.data(WORLD, parts.get(file, file)) for file in AUDIT_ROWS.values()]


def audit_answers(run):
    """The answers of a run that audits compare with, of the same seed or of the first."""
    return lambda w: paths.audit(
        held_against(w, oracle_of(w.split) if run == "oracle" else run), ANSWERS
    )


def audit_subjects(wildcards):
    """The run that is asked, the full model and the oracle, as wildcards of their own."""
    w = wildcards
    seed = w.seed if int(w.seed) in CONFIG.seeds else str(CONFIG.seeds[0])
    named = {
        "checkpoint": (w.run, w.seed),
        "full": ("full", seed),
        "oracle": (oracle_of(w.split), seed),
    }
    return {
        role: type(wildcards)(
            fromdict={"model": w.model, "split": w.split, "run": run, "seed": number}
        )
        for role, (run, number) in named.items()
    }


def audit_inputs(wildcards):
    """The last checkpoint of each subject, if it is ours, and what its adapters need."""
    found = {"beneath": []}
    for role, subject in audit_subjects(wildcards).items():
        folders = checkpoint_folders(subject)
        found["beneath"] += beneath(subject, subject.run).get("beneath", [])
        if folders:
            found[role] = f"{folders[-1]}/{paths.DIGEST}"
            found[f"{role}_weights"] = ancient(f"{folders[-1]}/{paths.WEIGHTS}")
    return found


def audit_given(wildcards):
    """The external checkpoint of each subject; None if it is ours."""
    return {
        role: given_checkpoint(subject)
        for role, subject in audit_subjects(wildcards).items()
    }


def audit_modules(wildcards):
    """The modules that probes load by name: themselves, suites, metrics, attacks, interventions."""
    chosen = CONFIG.audit.probes or probe.names()
    contracts = [probe.contract(name) for name in chosen]
    return [
        *map(probe.PROBES.module, chosen),
        *(suite.SUITES.module(name) for one in contracts for name in one.suites),
        *(metrics.METRICS.module(name) for one in contracts for name in one.metrics),
        *(attack.ATTACKS.module(name) for one in contracts for name in one.attacks),
        *intervention_modules(wildcards),
    ]


def audit_about(wildcards):
    """What an audit is about, for its page."""
    w = wildcards
    return {
        "checkpoint": w.run,
        **{key: w[key] for key in ("model", "split", "seed")},
        "world": WORLD,
        "budget": CONFIG.audit.budget,
    }
