# Which files the paper's exhibits are made of: the functions of paper.smk.

# --- from our own runs ---

SIZES = sorted(CONFIG.splits)
# The last model takes the place of the paper's smaller one, Phi.
LAST_MODEL = CONFIG.models[-1]
LISTED = {name: name for name in CONFIG.methods}
# What the exhibits measure themselves; found by name, so digests of code must be told.
KS = ["lethe.metrics.truth_ratio", "lethe.metrics.forget_quality"]
UTILITY = [
    f"lethe.metrics.{name}"
    for name in ("probability", "rouge", "truth_ratio", "model_utility")
]
# Number, title, runs and metrics of each table.
PAPER_TABLES = {
    "rouge": (
        2,
        "ROUGE-L recall on fine-tuning samples",
        ("base", "full"),
        ["lethe.metrics.rouge"],
    ),
    "retain_models": (3, "KS p-values between oracles", ("retain",), KS),
    "references": (
        4,
        "KS p-values of oracles against other models",
        ("retain", "full", "base", "random"),
        KS,
    ),
}


def paper_tables():
    """A single oracle has no other to be compared with."""
    return [name for name in PAPER_TABLES if name != "retain_models" or SIZES[1:]]


def paper_files():
    figures = ["fig02_words", "fig07_zoom"]
    figures += ["fig09_zoom_longer"] if unlisted_methods() else []
    for model in CONFIG.models:
        figures += [
            f"fig04_truth_ratios/{model}",
            f"fig05_06_trajectories/{model}",
        ]
        figures += [
            f"fig10_33_curves/{model}/{split}/{run}"
            for split in SIZES
            for run in LISTED
        ]
    tables = [f"table{PAPER_TABLES[name][0]}_{name}" for name in paper_tables()]
    drawn = [f"{name}.{suffix}" for name in figures for suffix in ("pdf", "png")]
    made = [f"{name}.{suffix}" for name in tables for suffix in ("csv", "md")]
    return [paths.paper(WORLD, name) for name in drawn + made]


def paper_entries():
    """Every metric file of the configuration, and those of the variants for Figure 9."""
    return entries() + [
        {
            "world": WORLD,
            "model": LAST_MODEL,
            "split": SIZES[0],
            "run": run,
            "seed": seed,
            "metric": metric,
            "path": paths.metric(
                paths.run(WORLD, LAST_MODEL, SIZES[0], run, seed), metric
            ),
        }
        for run in unlisted_methods()
        for seed in CONFIG.seeds
        for metric in ("model_utility", "forget_quality")
    ]


def evaluated(models, splits, runs):
    """Records of runs with one checkpoint, of the first seed."""
    seed = CONFIG.seeds[0]
    return [
        {
            "model": model,
            "split": split,
            "run": run,
            "path": paths.records(paths.run(WORLD, model, split, run, seed)),
        }
        for model in models
        for split in splits
        for run in runs
    ]


def other_model(model):
    """The next model, which Figure 4 holds beside this one; None where it is the only one."""
    models = CONFIG.models
    found = models[(models.index(model) + 1) % len(models)]
    return None if found == model else found


def figure4_entries(wildcards):
    beside = filter(None, [other_model(wildcards.model)])
    return evaluated([wildcards.model], SIZES[-1:], ["retain", "full"]) + evaluated(
        beside, SIZES[-1:], ["retain"]
    )


# --- from logs ---

# Found by their folders' names; what is in them was checked before.
LOGS = (
    paper_logs.entries(paper_logs.find(CONFIG.logs)) if CONFIG.logs is not None else []
)
FROM_LOGS = "from_logs"


def file_name(model):
    """The models of a family of logs as part of a file's name."""
    return model.replace(" ", "_")


def wanted_logs(wildcards):
    """All that logs allow. Asked for without logs, it is one line, as other bad settings are."""
    if CONFIG.logs is None:
        sys.tracebacklimit = 0
        sys.exit(
            "error: config: logs: null; name a folder of logs: --config logs=FOLDER"
        )
    return log_files()


def log_files():
    figures = [f"fig04_truth_ratios_{file_name(model)}" for model in log_models()] + [
        f"utility_bars_{file_name(model)}_{split}"
        for model, split in paper_logs.pairs(LOGS)
    ]
    drawn = [f"{name}.{suffix}" for name in figures for suffix in ("pdf", "png")]
    tables = [
        f"{name}.{suffix}" for name in ("ks", "utility") for suffix in ("csv", "md")
    ]
    return [paths.paper(WORLD, FROM_LOGS, name) for name in drawn + tables]


def log_models():
    return list(dict.fromkeys(entry["model"] for entry in LOGS))


def model_logs(*models):
    return [entry for entry in LOGS if entry["model"] in models]
