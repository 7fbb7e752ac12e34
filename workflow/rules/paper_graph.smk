# Which files the paper's exhibits are made of: the functions of paper.smk.

# --- from logs ---

# Found by their folders' names; what is in them was checked before.
LOGS = (
    paper_logs.entries(paper_logs.find(config["logs"]))
    if config["logs"] is not None
    else []
)
FROM_LOGS = "from_logs"


def file_name(model):
    """The models of a family of logs as part of a file's name."""
    return model.replace(" ", "_")


def wanted_logs(wildcards):
    """All that logs allow. Asked for without logs, it is one line, as other bad settings are."""
    if config["logs"] is None:
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
    tables = [f"{name}.{suffix}" for name in ("ks", "utility") for suffix in ("csv", "md")]
    return [paths.paper(WORLD, FROM_LOGS, name) for name in drawn + tables]


def log_models():
    return list(dict.fromkeys(entry["model"] for entry in LOGS))


def model_logs(*models):
    return [entry for entry in LOGS if entry["model"] in models]
