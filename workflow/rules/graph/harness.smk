# The result files of lm-evaluation-harness.


def task_files():
    """The files of a user's own tasks: what they say is part of the results."""
    folder = CONFIG.lm_eval.include_path
    if folder is None:
        return []
    return sorted(str(file) for file in Path(folder).rglob("*") if file.is_file())


def harness_entries():
    """Every result file, with the nouns that it belongs to; those from elsewhere have a name alone.

    ``full`` and the base are asked once, not once for each split.
    """
    asked_for = CONFIG.lm_eval
    asked = [
        {
            "model": model,
            "split": split,
            "run": run,
            "seed": seed,
            "path": paths.harness(paths.run(WORLD, model, split, run, seed)),
        }
        for model, split in product(CONFIG.models, CONFIG.splits)
        for run, seed in harness_runs(split)
    ]
    given = [
        {"model": "", "split": "", "run": name, "seed": "", "path": file}
        for name, file in asked_for.files.items()
    ]
    return [{**entry, "tasks": asked_for.tasks} for entry in asked + given]


def harness_runs(split):
    """(run, seed) of what is asked on a split."""
    wanted = CONFIG.lm_eval.runs
    once = [("base", CONFIG.seeds[0]), *(("full", seed) for seed in CONFIG.seeds)]
    shared = once if split == CONFIG.splits[0] else []
    others = [
        (run, seed)
        for run in (*SPLITS[split].roles, *CONFIG.methods)
        for seed in CONFIG.seeds
    ]
    return [one for one in shared + others if wanted is None or one[0] in wanted]
