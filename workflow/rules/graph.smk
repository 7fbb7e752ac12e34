# Which files belong to which job: the functions that the rules share.


# --- world ---

WORLD_SETTINGS = config["world"]


def core(names):
    """Files of the world that no split changes, by name."""
    return {
        name: Path(file).as_posix()
        for name, file in world_files.outputs(paths.data(WORLD)).items()
        if name in names
    }


FACTS = core(world_files.FACT_FILES)
AUTHORS = core([*world_files.AUTHOR_FILES, "card"])
TRUE_FACTS = [FACTS[kind] for kind in world_files.FACT_KINDS]


def provider_settings(*keys):
    """What the provider is told: only what it uses; of published data these keys too."""
    given = {"seed": WORLD_SETTINGS["seed"]}
    if WORLD_SETTINGS["provider"] == "tofu":
        given |= {key: WORLD_SETTINGS[key] for key in keys}
    if WORLD_SETTINGS["provider"] == "openai":
        given["path"] = paths.stage(WORLD, "authors", STAGES[-1])
    return given


def source_files():
    """What a world is read from: generated authors, or a data folder whose edits must be seen."""
    if WORLD_SETTINGS["provider"] == "openai":
        return [paths.stage(WORLD, "authors", STAGES[-1])]
    if WORLD_SETTINGS["provider"] != "tofu" or WORLD_SETTINGS["path"] is None:
        return []
    return sorted(str(file) for file in Path(WORLD_SETTINGS["path"]).glob("*.json*"))


def fact_sources():
    """The files of a data folder that true facts and refusals are read from."""
    if WORLD_SETTINGS["provider"] != "tofu":
        return []
    names = (*world_files.FACT_FILES, "idk")
    return [file for file in source_files() if Path(file).stem in names]


# --- generated authors ---

GENERATED = [
    cohort
    for cohort, made_by in {
        "authors": WORLD_SETTINGS["provider"],
        "background": WORLD_SETTINGS["background"],
    }.items()
    if made_by == "openai"
]
LISTS = paths.stage(WORLD, "lists", "lists")


def cohort_stages(cohort):
    """The stages that make a cohort's candidates, the lists apart."""
    return [s for s in STAGES[1:] if cohort == "authors" or s != "perturbations"]


def cohort_sizes(cohort):
    """How many authors of each group, in the order in which they choose their names."""
    w = WORLD_SETTINGS
    if cohort == "background":
        return {"background": w["background_authors"]}
    return {"holdout": w["holdout_authors"], "target": w["authors"]}


def stage_inputs(cohort, stage):
    """The lists, the stage before, and for background authors those whose names they must avoid."""
    inputs = {"lists": LISTS}
    before = STAGES[STAGES.index(stage) - 1]
    if before != "lists":
        inputs["source"] = paths.stage(WORLD, cohort, before)
        if cohort == "background":
            inputs |= others()
    return inputs


def others():
    """The authors whose names background authors must not have."""
    if "authors" in GENERATED:
        return {"candidates": paths.stage(WORLD, "authors", STAGES[-1])}
    return {"full": paths.data(WORLD, "full")}


def stage_cost(cohort, stage):
    return paths.cost(f"{paths.world(WORLD)}/stages/{cohort}", stage)


def stage_settings(cohort, stage):
    """The settings on which a stage's results depend."""
    if stage == "draws":
        return {}
    return generation(WORLD_SETTINGS).stage(stage) | {"prompt": prompt(stage).digest}


def wordings(cohort, stage):
    """Paraphrases of each entry: background authors have their first wording besides."""
    if (cohort, stage) == ("background", "paraphrases"):
        return WORLD_SETTINGS["background_phrasings"] - 1
    return 1


# --- data card ---


def card_files():
    """Every file of the world: the card tells of all, and loads all."""
    split = [parse_split(name) for name in config["splits"]]
    cut = [n for s in split for n in (s.name, s.retain, s.perturbed, s.holdout)]
    background = ["background"] if own_models() else []
    files = [paths.data(WORLD, name) for name in [*cut, *background]]
    return [*AUTHORS.values(), *FACTS.values(), *files]


def card_sources():
    """What generated authors took, and who was dropped."""
    # Given models learn from no background, so none is made.
    cohorts = [c for c in GENERATED if c == "authors" or own_models()]
    if not cohorts:
        return {}
    asked = [(cohort, s) for cohort in cohorts for s in cohort_stages(cohort)[1:]]
    costs = [stage_cost(cohort, s) for cohort, s in [("lists", "lists"), *asked]]
    last = [paths.stage(WORLD, cohort, cohort_stages(cohort)[-1]) for cohort in cohorts]
    return {"costs": costs, "lists": LISTS, "candidates": last}


def card_settings():
    """What decided the content of generated authors; no address and no limit."""
    made = generation(WORLD_SETTINGS) if GENERATED else None
    return made.content() if made else {}


# --- models ---


def given_path(model):
    return config["model_settings"][model]["path"]


def own_models():
    """Models whose base is made here."""
    return [model for model in config["models"] if given_path(model) is None]


def converted_models():
    """Models given as GGUF files, which take long to read: a rule does so once."""
    return [
        model
        for model in config["models"]
        if given_path(model) is not None and checkpoint.is_gguf(given_path(model))
    ]


def one_of(models):
    """A pattern of these names alone; of nothing if there are none."""
    return "|".join(models) or "(?!)"


def given_file(wildcards):
    """A local GGUF file is an input: another content makes the base again."""
    path = given_path(wildcards.model)
    return [path] if checkpoint.is_local(path) else []


def base_folders(model):
    """Where the base is, if it is a file of ours: a given checkpoint is used where it lies."""
    ours = model in own_models() + converted_models()
    return [paths.base(WORLD, model)] if ours else []


def facts_beside_authors(wildcards):
    """True facts, where fine-tuning shows them beside the authors."""
    shown = settings.finetune_settings(config, wildcards.model)["fact_repeats"]
    return TRUE_FACTS if shown else []


def start_files(wildcards):
    """What training starts from: of a given checkpoint nothing is made, nothing tracked."""
    folders = base_folders(wildcards.model)
    return parent(folders[0]) if folders else {}


def given_run(wildcards, run):
    """The given checkpoint that stands for a trained one (``full``, ``retain``); None: it is trained."""
    w = wildcards
    return settings.given_run(config, w.model, run, w.get("split"), int(w.seed))


def given_full(wildcards):
    return given_run(wildcards, "full")


def trained_folders(wildcards, run):
    """The checkpoint of ``full`` or ``retain``, if it is a file of ours."""
    w = wildcards
    if run in ("full", "retain") and given_run(w, run) is not None:
        return []
    return [paths.trained(WORLD, w.model, w.get("split", ""), run, w.seed)]


def full_files(wildcards):
    """The model before unlearning; nothing where it was given."""
    folders = trained_folders(wildcards, "full")
    return parent(folders[0]) | beneath(wildcards, "full") if folders else {}


def beneath(wildcards, run):
    """Checkpoints of ours that a run's adapters change: they must be there when it is loaded."""
    return there(adapted_folders(wildcards, run))


def there(folders):
    """Checkpoints as inputs that are only to be there."""
    names = [
        f"{folder}/{name}"
        for folder in folders
        for name in (paths.DIGEST, paths.WEIGHTS)
    ]
    return {"beneath": [ancient(name) for name in names]} if names else {}


def trains_adapters(wildcards, stage):
    compute = settings.compute_settings(config, wildcards.model)
    return compute.training(stage)["lora"] is not None


def adapted_folders(wildcards, run):
    """What a run's adapters change, and what that changes, down to whole weights."""
    w = wildcards
    if run in ("base", "random") or not checkpoint_folders_of(w, run):
        return []
    if run in ("full", "retain"):
        return base_folders(w.model) if trains_adapters(w, "finetune") else []
    if not trains_adapters(w, "unlearn"):
        return []
    return origin_folders(run, w) + adapted_folders(w, "full")


def origin_folders(method, wildcards):
    """What a run came from, the last first: ends of other runs, then full if it is ours."""
    w = wildcards
    ends = [
        paths.epoch(paths.run(WORLD, w.model, split, run, w.seed), max(epochs_of(run)))
        for run, split in sequence.chain(config, method, w.split)
    ]
    return ends + trained_folders(w, "full")


def snapshot_folders(model="{model}"):
    """Where earlier states of a base made here are kept."""
    return [paths.snapshot(WORLD, model, n) for n in config["snapshots"]]


def snapshot_files():
    """What tells of each snapshot: a target of its own, whether a method needs it or not.

    Snakemake looks for no other change of a job some of whose outputs were never made.
    """
    folders = [folder for model in own_models() for folder in snapshot_folders(model)]
    return [f"{folder}/{paths.DIGEST}" for folder in folders]


def memory(copies):
    """MiB of a job that loads a model, by the size of the weights that it starts from.

    Training holds weights, gradients and AdamW's two moments, activations beside them, and for some
    methods another model. An attempt after a failure asks for more.
    """

    def needed(wildcards, input, attempt):
        w = wildcards
        path = given_path(w.model)
        if "seed" in w.keys():
            path = given_full(w) or path
        ours = [
            file for file in input if file.endswith((paths.WEIGHTS, checkpoint.GGUF))
        ]
        given = [] if ours or path is None else Path(path).glob("*.safetensors")
        sizes = [Path(file).stat().st_size for file in [*ours, *given]]
        return attempt * int(2000 + copies * max(sizes, default=0) / 2**20)

    return needed


# --- unlearn ---


def method_run(method):
    return paths.run(WORLD, "{model}", "{split}", method, "{seed}")


def begin_folders(method, wildcards, back=0):
    """What a run starts from, or (``back`` 1) the run before it; nothing where that was given."""
    w = wildcards
    before = list(sequence.chain(config, method, w.split))[back:]
    if not before:
        return trained_folders(w, "full")
    run, split = before[0]
    folder = paths.run(WORLD, w.model, split, run, w.seed)
    return [paths.epoch(folder, max(epochs_of(run)))]


def begin_files(method):
    """The checkpoint that a run starts from: full, or the end of another run."""

    def files(wildcards):
        folders = begin_folders(method, wildcards)
        if not folders:
            return {}
        # A start that is itself made of adapters stands on what its run came from.
        under = adapted_folders(wildcards, "full")
        if folders != trained_folders(wildcards, "full"):
            more = origin_folders(method, wildcards)[1:]
            under = more + under if trains_adapters(wildcards, "unlearn") else []
        return parent(folders[0]) | there(under)

    return files


def begin_given(method):
    """The given model that a run starts from, if that is no checkpoint of ours."""
    return lambda w: None if begin_folders(method, w) else given_full(w)


def prior_folders(prior, wildcards):
    """What ``prior`` stands for, if it is a file of ours: the base, or a snapshot of it."""
    if isinstance(prior, int):
        return [paths.snapshot(WORLD, wildcards.model, prior)]
    return base_folders(wildcards.model) if prior == "base" else []


def other_checkpoints(method):
    """By need, of the checkpoints beside the start: where ours lie, and which is given instead."""
    prior = settings.method_settings(config, method).get("prior", "base")
    known = {
        "prior": (
            lambda w: prior_folders(prior, w),
            one_setting("path") if prior == "base" else lambda w: prior,
        ),
        "before": (lambda w: begin_folders(method, w, back=1), given_full),
    }
    needs = settings.method(config, method).needs
    return {need: both for need, both in known.items() if need in needs}


def checkpoint_inputs(method):
    """Checkpoints beside the start as inputs: needed to be there, compared by their digests."""

    def files(folders, name):
        return lambda w: next((f"{folder}/{name}" for folder in folders(w)), [])

    found = {}
    for need, (folders, _) in other_checkpoints(method).items():
        found[need] = files(folders, paths.DIGEST)
        found[f"{need}_weights"] = ancient(files(folders, paths.WEIGHTS))
    return found


def checkpoints_given(method):
    """By need the checkpoint that is used where it lies; None where it is a file of ours."""

    def given(wildcards):
        return {
            need: None if folders(wildcards) else instead(wildcards)
            for need, (folders, instead) in other_checkpoints(method).items()
        }

    return given


def method_inputs(method):
    """The data that a method declares it needs, and no other."""
    known = {
        "retain": lambda w: paths.data(WORLD, parse_split(w.split).retain),
        "refusals": paths.refusals(WORLD),
        "reference_nll": paths.reference(WORLD, "{model}", "{split}", "{seed}"),
        "alternatives": paths.alternatives(WORLD, "{model}", "{split}", "{seed}"),
    }
    if next(sequence.chain(config, method, ""), None) is not None:
        # The file is of the full model: such a run has another reference, and computes it.
        del known["reference_nll"]
    needs = settings.method(config, method).needs
    inputs = {need: known[need] for need in needs if need in known}
    forget = {"forget": paths.data(WORLD, "{split}")}
    return forget | inputs | checkpoint_inputs(method)


def wrapper_modules(method):
    """The modules of what goes around a method's loss: found by name, so named here."""
    wrappers = settings.method(config, method).wrappers
    return [f"lethe.wrappers.{wrapper.name}" for wrapper in wrappers]


def trial_metrics(method, metric):
    """A metric's files of a method's trials, in their order."""
    return [
        paths.metric(method_run(name), metric) for name in trials.trials(config, method)
    ]


def unlisted_methods():
    """Variants that have settings but are not listed: runs that only some exhibits ask for."""
    return {
        name: given["method"]
        for name, given in config["method_settings"].items()
        if "method" in given and name not in config["methods"] and name not in TRIALS
    }


@cache
def epochs_of(method):
    return range(1, settings.method(config, method).epochs + 1)


def epoch_folders(method):
    return [paths.epoch(method_run(method), epoch) for epoch in epochs_of(method)]


def epoch_weights(method):
    """The weights of every epoch; those that do not stay are deleted once they are evaluated."""
    epochs = epochs_of(method)
    stay = disk.kept_epochs(KEEP, len(epochs))
    files = [
        f"{paths.epoch(method_run(method), epoch)}/{paths.WEIGHTS}" for epoch in epochs
    ]
    return [file if epoch in stay else temp(file) for epoch, file in zip(epochs, files)]


# --- disk ---


def planned_checkpoints():
    """What the planned jobs write, with its size."""
    for job in workflow.dag.needrun_jobs():
        for file in job.output:
            if not file.endswith(paths.WEIGHTS):
                continue
            stages = {"unlearn": "unlearn", "train": "finetune"}
            stage = stages.get(job.rule.name.partition("_")[0], "whole")
            size = disk.size_of(config, job.wildcards.model, stage)
            yield disk.Made(str(file), size, not file.is_temp, str(job.output[0]))


def jobs_at_once():
    """How many jobs may run side by side, at the most."""
    names = ["_cores" if workflow.local_exec else "_nodes", "gpu"]
    found = [workflow.global_resources.get(name) for name in names]
    limits = [getattr(resource, "value", resource) for resource in found]
    return max(1, min(limit for limit in limits if isinstance(limit, int)))


def before_the_first_job():
    """Say what the run takes on disk; what cannot fit is refused."""
    try:
        made = list(planned_checkpoints())
    except LetheError as error:
        print(f"Disk: not told before the run, {error}", file=sys.stderr)
        return
    if made:
        try:
            print(disk.check_room(made, jobs_at_once()), file=sys.stderr)
        except LetheError as error:
            raise WorkflowError(f"error: {error}") from None


# --- evaluate ---


def probed_files(wildcards):
    """The data files of a suite's sets, in its order."""
    parts = parse_split(wildcards.split).parts
    named = suites.contract(wildcards.suite).files(parts).values()
    return [paths.data(WORLD, name) for name in named]


def run_folder(wildcards):
    return paths.run(
        WORLD, wildcards.model, wildcards.split, wildcards.run, wildcards.seed
    )


def checkpoint_folders(wildcards):
    """The checkpoints of a run, first epoch first."""
    return checkpoint_folders_of(wildcards, wildcards.run)


def checkpoint_folders_of(wildcards, run):
    w = wildcards
    if run == "base":
        return base_folders(w.model)
    if run in ("full", "retain", "random"):
        return trained_folders(w, run)
    folder = paths.run(WORLD, w.model, w.split, run, w.seed)
    return [paths.epoch(folder, epoch) for epoch in epochs_of(run)]


def intervention_modules(wildcards):
    """The modules of the interventions that a run's checkpoints carry, by what its method declares."""
    if wildcards.run in ("base", "full", "retain", "random"):
        return []
    kind = settings.method(config, wildcards.run).intervention
    return [f"lethe.interventions.{kind}"] if kind else []


def given_checkpoint(wildcards):
    """What is evaluated where it lies, without a checkpoint of ours."""
    if checkpoint_folders(wildcards):
        return None
    if wildcards.run == "base":
        return given_path(wildcards.model)
    return given_run(wildcards, wildcards.run)


def measured_folder(wildcards):
    """Where records and metrics lie: in the run's folder, or in that of a state of it."""
    state = wildcards.get("state")
    folder = run_folder(wildcards)
    return folder if state is None else paths.state(folder, state)


STATE = paths.state(
    paths.run(WORLD, "{model}", "{split}", "{run}", "{seed}"), "{state}"
)


def state_start(wildcards):
    """The last checkpoint of a run, from which its states come; nothing where it was given."""
    folders = checkpoint_folders(wildcards)
    if not folders:
        return {}
    return parent(folders[-1]) | beneath(wildcards, wildcards.run)


def state_inputs(state):
    """The data that a state reads."""
    needs = states.needs(settings.state_kind(config, state))
    return {need: {"forget": paths.data(WORLD, "{split}")}[need] for need in needs}


def own_metrics(wildcards):
    """Metric files of the same run that a metric reads."""
    needs = metrics.contract(wildcards.metric).needs
    return [paths.metric(measured_folder(wildcards), need) for need in needs]


def oracle_metrics(wildcards):
    """The same files of the oracle: of the run's own seed, or of the first for further oracles."""
    contract, w = metrics.contract(wildcards.metric), wildcards
    if not contract.oracle:
        return []
    seed = w.seed if int(w.seed) in config["seeds"] else config["seeds"][0]
    oracle = paths.run(WORLD, w.model, w.split, "retain", seed)
    return [paths.metric(oracle, need) for need in contract.needs]


def full_metrics(wildcards):
    """The same files of the model before unlearning."""
    contract, w = metrics.contract(wildcards.metric), wildcards
    if not contract.full:
        return []
    seed = w.seed if int(w.seed) in config["seeds"] else config["seeds"][0]
    full = paths.run(WORLD, w.model, w.split, "full", seed)
    return [paths.metric(full, need) for need in contract.needs]


def metric_records(wildcards):
    wanted = metrics.contract(wildcards.metric)
    return (
        paths.records(measured_folder(wildcards), wanted.suite)
        if wanted.records
        else []
    )


def metric_settings(wildcards):
    return config["metric_settings"].get(wildcards.metric, {})


def truth_ratio_variant():
    given = config["metric_settings"].get("truth_ratio", {})
    return metrics.settings_of("truth_ratio", given)["variant"]


# --- report ---


def said(key):
    """What the configuration has under a dotted key."""
    value = config
    for part in key.split("."):
        value = value[part]
    return value


TABLES = [name for name in tables.names() if all(map(said, tables.only_with(name)))]


def entries(model=None, split=None, only=None):
    """Every metric file of the configuration, with the nouns that it belongs to."""
    return [
        {
            "world": WORLD,
            "model": model_,
            "split": split_,
            "run": run,
            "seed": seed,
            "metric": metric,
            "path": paths.metric(paths.run(WORLD, model_, split_, run, seed), metric),
        }
        for model_ in ([model] if model else config["models"])
        for split_ in ([split] if split else config["splits"])
        for run, seed in runs_of(split_)
        for metric in (only or config["metrics"])
    ]


def state_entries():
    """Every metric file of a state, with the nouns that it belongs to."""
    return [
        {**entry, "state": state, "path": paths.metric(folder, entry["metric"])}
        for entry in entries()
        if entry["run"] in settings.runs_with_states(config)
        and entry["seed"] in config["seeds"]
        for state in config["states"]
        for folder in [paths.state(str(Path(entry["path"]).parents[1]), state)]
    ]


def search_entries():
    """What every search found, with the nouns that it belongs to."""
    return [
        {**place, "path": paths.search(paths.run(WORLD, *place.values()))}
        for values in product(
            config["models"], config["splits"], SEARCH.methods, config["seeds"]
        )
        for place in [dict(zip(("model", "split", "run", "seed"), values))]
    ]


def files(found):
    return [entry["path"] for entry in found]


def own_costs(method, model, split, seed):
    """Cost files of a method's own job and of those that it shares with others."""
    run = lambda name: paths.run(WORLD, model, split, name, seed)
    shared = {"reference_nll": "reference", "alternatives": "alternatives"}
    jobs = [job for need, job in shared.items() if need in method_inputs(method)]
    return [
        paths.cost(run(method), "unlearn"),
        *[paths.cost(run(job), job) for job in jobs],
    ]


def method_costs(method, model, split, seed):
    """Cost files of a method, and of the runs that it goes on from."""
    runs = [(method, split), *sequence.chain(config, method, split)]
    files = [file for run, place in runs for file in own_costs(run, model, place, seed)]
    return list(dict.fromkeys(files))


def cost_entries():
    """Every cost file that is compared, with the nouns that it belongs to."""
    found = []
    for model, split, seed in product(
        config["models"], config["splits"], config["seeds"]
    ):
        run = lambda name, place: paths.run(WORLD, model, place, name, seed)
        trained = {"full": paths.NO_SPLIT, "retain": split}
        # What was given was not trained here, and has no cost.
        jobs = {
            name: [paths.cost(run(name, place), "train")]
            for name, place in trained.items()
            if settings.given_run(config, model, name, split, seed) is None
        }
        for method in config["methods"]:
            jobs[method] = method_costs(method, model, split, seed)
        place = {"model": model, "split": split, "seed": seed}
        found += [
            {**place, "run": run, "path": path}
            for run, files in jobs.items()
            for path in files
        ]
    return found


def table_inputs(name):
    """What a table reads, by kind: the scores, the intervals, or files of a metric."""
    reads = tables.reads(name)
    numbers = {
        kind: paths.table(WORLD, f"{kind}.csv")
        for kind in ("scores", "intervals")
        if kind in reads
    }
    return {**numbers, "files": files(table_entries(name))}


def table_entries(name):
    """The files of metrics or of costs that a table reads itself."""
    kinds = {
        "costs": cost_entries,
        "states": state_entries,
        "search": search_entries,
    }
    for kind, found in kinds.items():
        if kind in tables.reads(name):
            return found()
    wanted = [metric for metric in tables.reads(name) if metric in metrics.names()]
    return entries(only=wanted) if wanted else []


def figure_tables(name):
    """The tables that a figure reads, by kind."""
    files = {"scores": "scores", "intervals": "intervals", "costs": "cost"}
    reads = figures.reads(name)
    return {
        kind: paths.table(WORLD, f"{file}.csv")
        for kind, file in files.items()
        if kind in reads
    }


def figure_metrics(name, form=list):
    """The metric files that a figure reads itself, for its model and split."""
    wanted = [metric for metric in figures.reads(name) if metric in metrics.names()]
    return lambda w: form(entries(w.model, w.split, wanted) if wanted else [])


def figure_files():
    return [
        paths.figure(WORLD, model, split, name) + suffix
        for model in config["models"]
        for split in config["splits"]
        for name in config["figures"]
        for suffix in (".pdf", ".png")
    ]


def table_files():
    return [
        paths.table(WORLD, name + suffix)
        for name in TABLES
        for suffix in (".csv", ".md")
    ]


def closing_words():
    """Where to look, and how the methods fared."""
    summary = Path(paths.table(WORLD, "summary.md"))
    table = summary.read_text(encoding="utf-8") if summary.exists() else ""
    exhibits = Path(paths.paper(WORLD))
    return (
        f"\n{table}\nFigures: {paths.world(WORLD)}/figures   Tables: {paths.world(WORLD)}/tables"
        + (f"   The paper's: {exhibits}" if exhibits.is_dir() else "")
        + "\nReport: make report (writes results/report.html)"
    )
