# The checkpoints whose records give a lineage, and the files with what is to be forgotten.


def lineage_attacks():
    """The kinds of the attacks listed, whose declarations say what a state learned."""
    kinds = [settings.attack_kind(CONFIG, name) for name in CONFIG.attacks]
    return list(dict.fromkeys(kinds)) if CONFIG.lineage.enabled else []


def lineage_runs(wildcards):
    """The last checkpoint here of every run of a split, and of those that methods start from."""
    w = wildcards
    before = [
        run for m in CONFIG.methods for run, _ in chains.chain(CONFIG, m, w.split)
    ]
    runs = ["base", "full", *SPLITS[w.split].roles, *before, *CONFIG.methods]
    found = {run: checkpoint_folders_of(w, run) for run in dict.fromkeys(runs)}
    return {run: folders[-1] for run, folders in found.items() if folders}


def lineage_models(wildcards):
    """Run, state and checkpoint of every model of a seed."""
    w = wildcards
    models = [
        {"run": run, "state": "", "folder": folder}
        for run, folder in lineage_runs(w).items()
    ]
    for run in settings.attacked_runs(CONFIG, SPLITS[w.split].roles):
        own = paths.run(WORLD, w.model, w.split, run, w.seed)
        models += [
            {
                "run": run,
                "state": state,
                "folder": paths.state_checkpoint(paths.state(own, state)),
            }
            for state in CONFIG.attacks
        ]
    return models


def certified_checkpoints(wildcards):
    """What certificates may be about, by name, and what they must have been audited against."""
    if not CONFIG.lineage.certificates:
        return {}
    runs = lineage_runs(wildcards)
    oracle = oracle_of(wildcards.split)
    return {
        "checkpoints": {run: runs[run] for run in CONFIG.methods},
        "full": runs.get("full"),
        "oracle": runs.get(oracle),
    }


def lineage_files(wildcards):
    """Records of all models; the files of rows; certificates, and the weights they are about."""
    split = SPLITS[wildcards.split]
    rows = [*split.files.values(), "full", "background"]
    rows += ["full_languages"] if LANGUAGES.names else []
    rows += ["full_pictures"] if PICTURES else []
    found = {
        "records": [
            f"{one['folder']}/{paths.DIGEST}" for one in lineage_models(wildcards)
        ],
        "forget": paths.data(WORLD, split.files["forget"]),
        "rows": [paths.data(WORLD, name) for name in dict.fromkeys(rows)],
    }
    certified = certified_checkpoints(wildcards)
    if not certified:
        return found
    folders = [
        *certified["checkpoints"].values(),
        certified["full"],
        certified["oracle"],
    ]
    return found | {
        "certificates": [
            f"{folder}/{name}"
            for folder in CONFIG.lineage.certificates
            for name in ("certificate.json", "audit.json")
        ],
        "weights": [
            ancient(f"{folder}/{paths.WEIGHTS}") for folder in folders if folder
        ],
    }


def lineage_entries():
    """The lineage of every seed, with the nouns that it belongs to."""
    return [
        {
            "model": model,
            "split": split,
            "seed": seed,
            "path": paths.lineage(WORLD, model, split, seed),
        }
        for model, split, seed in product(CONFIG.models, CONFIG.splits, CONFIG.seeds)
        if CONFIG.lineage.enabled
    ]
