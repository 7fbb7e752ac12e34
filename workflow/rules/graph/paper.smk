# The files that the paper's exhibits are made from: functions for paper.smk.

import re

# The paper's splits are shares of the authors; other kinds have no exhibits.
SIZES = sorted(name for name, split in SPLITS.items() if split.kind == "author_share")
# The model in exhibits of a single one; it takes the place of the paper's smaller model, Phi.
LAST_MODEL = CONFIG.models[-1]
# The metrics behind model utility, for logs.
UTILITY = ("probability", "rouge", "truth_ratio", "model_utility")
# Identified by their folders' names; their contents were checked before.
LOGS = (
    paper_logs.entries(paper_logs.find(CONFIG.logs)) if CONFIG.logs is not None else []
)
# The models in the logs, by their names in file names.
LOG_MODELS = {entry["model"].replace(" ", "_"): entry["model"] for entry in LOGS}


# --- what there is ---


def exhibit_methods(name):
    """The methods that an exhibit shows, by run."""
    listed = {method: method for method in CONFIG.methods}
    shows = exhibit.contract(name).methods
    return listed if shows == "listed" else unlisted_methods()


def exhibits_made():
    """The exhibits for which the configuration has the splits, the methods and the logs."""
    return [
        name
        for name in exhibit.names()
        if (
            exhibit.contract(name).of_logs
            or len(SIZES) >= exhibit.contract(name).least_splits
        )
        and (exhibit_methods(name) or exhibit.contract(name).reads != "scores")
        and (LOGS or not exhibit.contract(name).of_logs)
    ]


def exhibit_places(name):
    """The values of an exhibit's wildcards for which it has files."""
    declared = exhibit.contract(name)
    if declared.of_logs and "split" in declared.wildcards:
        names = {model: key for key, model in LOG_MODELS.items()}
        found = paper_logs.pairs(LOGS)
        return [{"model": names[model], "split": split} for model, split in found]
    values = {
        "model": list(LOG_MODELS) if declared.of_logs else CONFIG.models,
        "split": SIZES,
        "run": list(exhibit_methods(name)),
    }
    found = product(*(values[key] for key in declared.wildcards))
    return [dict(zip(declared.wildcards, place)) for place in found]


def exhibit_files(of_logs):
    return [
        paths.paper(WORLD, f"{declared.place.format(**place)}.{suffix}")
        for name in exhibits_made()
        for declared in [exhibit.contract(name)]
        if declared.of_logs == of_logs
        for place in exhibit_places(name)
        for suffix in suffixes(exhibit.EXHIBITS, name)
    ]


def wanted_exhibits(wildcards):
    """All exhibits of runs. Without a split of TOFU's kind, the request is an error in one line."""
    if not SIZES:
        refused(
            "config: splits: none is a share of the authors, but the paper's exhibits are "
            "of no other kind; add one, such as forget10"
        )
    return exhibit_files(of_logs=False)


def wanted_logs(wildcards):
    """All exhibits from logs. Without logs, the request is an error in one line."""
    if CONFIG.logs is None:
        refused("config: logs: null; name a folder of logs: --config logs=FOLDER")
    return exhibit_files(of_logs=True)


# --- the models, splits and runs in an exhibit ---


def chosen(choice, values):
    """The values that an exhibit declares (all, first or last), from a list in ascending order."""
    ends = {"smallest": values[:1], "largest": values[-1:], "last": values[-1:]}
    return ends.get(choice, values)


def exhibit_models(declared, wildcards):
    if "model" not in declared.wildcards:
        return chosen(declared.models, CONFIG.models)
    return [LOG_MODELS[wildcards.model] if declared.of_logs else wildcards.model]


def exhibit_splits(declared, wildcards):
    if "split" in declared.wildcards:
        return [wildcards.split]
    return chosen(declared.splits, paper_logs.SPLITS if declared.of_logs else SIZES)


def beside(declared, wildcards):
    """The model that an exhibit compares a single one with; None if there is none."""
    (model,) = exhibit_models(declared, wildcards)
    if declared.of_logs:
        return paper_logs.counterpart(model)
    following = CONFIG.models.index(model) + 1
    other = CONFIG.models[following % len(CONFIG.models)]
    return None if other == model else other


def exhibit_about(name):
    """The fields of an exhibit's data that the configuration gives, by wildcards."""
    declared = exhibit.contract(name)

    def about(wildcards):
        if declared.reads == "rows" or declared.of_logs and not declared.wildcards:
            return {}
        found = {
            "models": exhibit_models(declared, wildcards),
            "splits": exhibit_splits(declared, wildcards),
        }
        if declared.beside:
            found["beside"] = beside(declared, wildcards)
        if declared.reads == "scores":
            methods = exhibit_methods(name)
            run = wildcards.get("run")
            found["methods"] = methods if run is None else {run: methods[run]}
            found["seeds"] = CONFIG.seeds
        return found

    return about


def exhibit_caption(name):
    declared = exhibit.contract(name)
    return lambda wildcards: declared.caption.strip().format(**dict(wildcards.items()))


# --- the files that an exhibit reads ---


def paper_entries():
    """Every metric file of the configuration, and those of the variants in Figure 9."""
    return entries() + [
        {
            "world": WORLD,
            "model": LAST_MODEL,
            "split": split,
            "run": run,
            "seed": seed,
            "metric": metric,
            "path": paths.metric(
                paths.run(WORLD, LAST_MODEL, split, run, seed), metric
            ),
        }
        for split in SIZES[:1]
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


def exhibit_records(declared, wildcards):
    """The entries that an exhibit reads item by item: records of runs, or logs."""
    if declared.reads == "logs":
        if "model" not in declared.wildcards:
            return LOGS
        (model,) = exhibit_models(declared, wildcards)
        both = (model, paper_logs.counterpart(model))
        return [entry for entry in LOGS if entry["model"] in both]
    splits = exhibit_splits(declared, wildcards)
    found = evaluated(exhibit_models(declared, wildcards), splits, declared.runs)
    others = [beside(declared, wildcards)] if declared.beside else []
    return found + evaluated(filter(None, others), splits, declared.beside)


def exhibit_made_of(name):
    """The files that an exhibit gets as entries or by name, by wildcards."""
    declared = exhibit.contract(name)

    def made_of(wildcards):
        if declared.reads == "rows":
            return {
                "rows": {
                    text_name(file): paths.data(WORLD, file) for file in declared.rows
                }
            }
        if declared.reads not in ("records", "logs"):
            return {}
        found = exhibit_records(declared, wildcards)
        return {declared.reads: found, "variant": truth_ratio_variant()}

    return made_of


def text_name(file):
    """An exhibit's name for the text of a data file; for the world's own, the world's name."""
    return WORLD if file == "full" else file


def exhibit_inputs(name):
    declared = exhibit.contract(name)
    made_of = exhibit_made_of(name)

    def inputs(wildcards):
        match declared.reads:
            case "scores":
                return {"scores": paths.paper(WORLD, "scores.csv")}
            case "log_scores":
                return {
                    kind: paths.paper(WORLD, exhibit.FROM_LOGS, f"{kind}.csv")
                    for kind in ("scores", "intervals")
                }
            case "rows":
                return {"files": list(made_of(wildcards)["rows"].values())}
        found = files(made_of(wildcards)[declared.reads])
        return {"files": list(dict.fromkeys(found))}

    return inputs


def exhibit_constraints(name):
    """Wildcards of exhibits from logs: models have other names, splits need not be configured."""
    if not exhibit.contract(name).of_logs:
        return {}
    splits = {entry["split"] for entry in LOGS if entry["split"] is not None}
    alternatives = {"model": LOG_MODELS, "split": splits or paper_logs.SPLITS}
    return {
        key: "|".join(map(re.escape, sorted(names)))
        for key, names in alternatives.items()
    }


def exhibit_code(name):
    """The modules that an exhibit loads by name, for the code digest."""
    computed = map(metrics.METRICS.module, exhibit.contract(name).metrics)
    return code("paper_exhibit.py", exhibit.EXHIBITS.module(name), *computed)


# --- its files ---


def report_outputs(place, kinds, shown):
    """Outputs by suffix; one of them, a figure if possible, goes into the report."""
    reported = "png" if "png" in kinds else "csv"
    outputs = {kind: f"{place}.{kind}" for kind in kinds}
    return outputs | {reported: report(outputs[reported], **shown)}


def exhibit_outputs(name):
    declared = exhibit.contract(name)
    shown = {
        "caption": "../report/exhibit.rst",
        "category": "Paper, from logs" if declared.of_logs else "Paper",
        # Many files share one heading.
        "subcategory": declared.number if declared.wildcards[1:] else None,
        "labels": {"exhibit": declared.label},
    }
    kinds = suffixes(exhibit.EXHIBITS, name)
    return report_outputs(paths.paper(WORLD, declared.place), kinds, shown)
