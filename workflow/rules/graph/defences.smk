# The files of pairs of defences: what each defence trains on, starts from and is measured on.

from lethe.unlearn import defences as defence_kinds
from lethe.unlearn.needs import chosen

DEFENCE_RUNS = defences.runs(CONFIG)
DEFENCE_SPLIT = CONFIG.defences.split


def defence_rows(name, what):
    """The rows that a defence trains on (``trained``) or is measured on (``risk``)."""
    return paths.data(WORLD, f"{DEFENCE_SPLIT}_{name}_{what}")


def defence_settings(name):
    """A defence's own settings, as the rows depend on them."""
    return defences.defence(CONFIG, name).settings.model_dump(mode="json")


def defence_run(run):
    """The folder of a run of a defence."""
    return paths.run(WORLD, "{model}", DEFENCE_SPLIT, run.name, "{seed}")


def defence_end(run):
    """The last checkpoint of a run of a defence."""
    return paths.epoch(defence_run(run), defences.trained(CONFIG, run).epochs)


def there_and_tracked(folder, name):
    """A checkpoint as two inputs: its digest file is tracked, its weights must exist."""
    weights = ancient(f"{folder}/{paths.WEIGHTS}")
    return {name: f"{folder}/{paths.DIGEST}", f"{name}_weights": weights}


def full_as(name, wildcards):
    """The full model as inputs of a name; nothing if it is external."""
    folders = trained_folders(wildcards, "full")
    return there_and_tracked(folders[0], name) if folders else {}


def defence_start(run):
    """What a run starts from, and, to choose layers to freeze, the model before that."""
    first = defences.Run(run.first)

    def files(wildcards):
        if run.second is None:
            return full_as("parent", wildcards)
        found = there_and_tracked(defence_end(first), "parent")
        return found | (full_as("before", wildcards) if run.freezing else {})

    return files


def defence_inputs(run):
    """The rows that a run trains on, and what else its method needs."""
    found = {"forget": defence_rows(run.last, "trained")}
    for need in chosen(defences.trained(CONFIG, run).needs):
        if isinstance(need.source, SplitFile | WorldFile):
            file = in_folder(need.source, paths.data(WORLD), SPLITS[DEFENCE_SPLIT])
            found[need.name] = file.as_posix()
    if run.freezing:
        found["before_rows"] = defence_rows(run.first, "trained")
    return found


def defence_modules(run):
    """The modules that training a run loads by name, for the code digest."""
    method = defences.trained(CONFIG, run)
    wrappers = [f"lethe.unlearn.wrappers.{wrapper.name}" for wrapper in method.wrappers]
    needed = [NEEDS.module(need) for need in method.needs]
    return [type(method).__module__, *wrappers, *needed]


def given_pair_start(run):
    """The external checkpoint that a run starts from; None if it is ours."""
    return given_full if run.second is None else lambda w: None


def given_before(run):
    """The external checkpoint before a run's start, by need; None if that is ours."""
    return lambda w: {"before": given_full(w)} if run.freezing else {}


def in_figure(name, model=None):
    """The entries of a figure that reads pairs of defences; nothing for others."""
    if "defences" not in figures.reads(name):
        return []
    return [one for one in defence_entries() if model in (None, one["model"])]


def figure_pairs(name):
    """The files of these entries as inputs of a figure."""
    if "defences" not in figures.reads(name):
        return {}
    return {"pairs": lambda w: [one["path"] for one in in_figure(name, w.model)]}


def figure_pair_entries(name):
    """The entries as a parameter of a figure."""
    if "defences" not in figures.reads(name):
        return {}
    return {"defences": lambda w: in_figure(name, w.model)}


def pair_ends(wildcards):
    """The three checkpoints of a pair: before both defences, between them, and after."""
    run = DEFENCE_RUNS[wildcards.run]
    ends = {"between": defences.Run(run.first), "after": run}
    found = full_as("before", wildcards)
    for name, one in ends.items():
        found |= there_and_tracked(defence_end(one), name)
    return found | beneath(wildcards, "full")


def pair_rows(wildcards):
    """The rows of both risks."""
    run = DEFENCE_RUNS[wildcards.run]
    return [defence_rows(name, "risk") for name in (run.first, run.second)]


def defence_costs(run, model, seed):
    """Cost files of a defence and, for the second of a pair, of the one before it."""
    own = paths.run(WORLD, model, DEFENCE_SPLIT, run.name, seed)
    if run.second is None:
        return [paths.cost(own, "defend")]
    first = paths.run(WORLD, model, DEFENCE_SPLIT, run.first, seed)
    return [paths.cost(first, "defend"), paths.cost(own, "defend")]


def defence_entries():
    """The file of every pair, with the nouns that it belongs to."""
    return [
        {
            "world": WORLD,
            "model": model,
            "split": DEFENCE_SPLIT,
            "run": run.name,
            "state": "defence_pair",
            "first": run.first,
            "second": run.second,
            "freezing": run.freezing,
            "protects": defences.defence(CONFIG, run.first).protects,
            "seed": seed,
            "metric": "defence",
            "path": paths.defence_pair(
                paths.run(WORLD, model, DEFENCE_SPLIT, run.name, seed)
            ),
        }
        for model, run, seed in product(
            CONFIG.models, defences.pairs(CONFIG), CONFIG.seeds
        )
    ]
