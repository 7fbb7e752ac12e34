# What models start from, and where their checkpoints are.


def given_path(model):
    return CONFIG.model_settings[model].base_checkpoint


# Cached, since every job asks, and the answer compares the whole configuration with the recipe.
@cache
def shipped_models():
    """Models that start from a base that Lethe ships."""
    return [model for model in CONFIG.models if recipe.in_use(CONFIG, model)]


def own_models():
    """Models whose base is made here."""
    apart = shipped_models()
    return [m for m in CONFIG.models if given_path(m) is None and m not in apart]


def shipped_files(wildcards):
    """The files of a shipped base; the digest file stands for the small ones."""
    folder = recipe.shipped(recipe.named(CONFIG, wildcards.model))
    names = {"digest": paths.DIGEST, "weights": paths.WEIGHTS, "cost": "cost.json"}
    return {key: os.path.relpath(folder / name) for key, name in names.items()}


def begun_with(wildcards):
    """The shipped base with which the language model of a model that sees begins."""
    name = architecture.language(one_setting("architecture")(wildcards))
    if name is None:
        return []
    return base_files(name)


def base_files(name):
    """The digest and the weights of the base that a recipe made."""
    files = (recipe.shipped(name) / file for file in (paths.DIGEST, paths.WEIGHTS))
    return [os.path.relpath(file) for file in files]


def recipe_of(key):
    """A part of a rule's recipe, as plain values."""
    return lambda w: recipe.load(w.recipe).model_dump(mode="json")[key]


def lessons_of(wildcards):
    """The lessons of all stages of a recipe."""
    mixtures = recipe.load(wildcards.recipe).mixtures
    return sorted({name for mixture in mixtures for name in mixture.lessons})


def recipe_start(wildcards):
    """The shipped base from which a recipe's training goes on."""
    name = recipe.load(wildcards.recipe).start
    return [] if name is None else base_files(name)


# The true facts that a recipe's base learns.
RECIPE_FACTS = {
    name: Path(file).as_posix()
    for name, file in tofu_format.outputs(paths.recipe("{recipe}", "data")).items()
    if name in tofu_format.FACT_FILES
}


def words_about_bases():
    """Which base each model starts from, if a recipe is named and a base is to be made."""
    made = ("base", "shipped_base")
    jobs = [job for job in our_jobs() if name_here(job.rule.name) in made]
    lines = []
    for model in sorted(job.wildcards.model for job in jobs):
        name = recipe.named(CONFIG, model)
        if name is None:
            continue
        why = recipe.difference(CONFIG, model)
        lines.append(
            f"base of {model}: the one that Lethe ships, bases/{name}"
            if why is None
            else f"base of {model}: trained here instead of bases/{name}, because {why}"
        )
    return lines


def converted_models():
    """Models given as GGUF files, which a rule converts once because reading them is slow."""
    return [
        model
        for model in CONFIG.models
        if given_path(model) is not None and checkpoint_check.is_gguf(given_path(model))
    ]


def given_file(wildcards):
    """A local GGUF file as input, so that changed content makes the base again."""
    path = given_path(wildcards.model)
    return [path] if checkpoint_check.is_local(path) else []


def base_folders(model):
    """The base's checkpoint, if it is ours; an external one is used where it is."""
    ours = model in own_models() + shipped_models() + converted_models()
    return [paths.base(WORLD, model)] if ours else []


def facts_beside_authors(wildcards):
    """True facts, if fine-tuning mixes them with the authors."""
    shown = CONFIG.model_settings[wildcards.model].finetune.fact_repeats
    return TRUE_FACTS if shown else []


def recipe_name(wildcards):
    """How a rule's model learns its rows (lethe.train.recipe)."""
    return CONFIG.model_settings[wildcards.model].finetune.recipe["name"]


def recipe_files(wildcards):
    """The files of the world that a recipe reads beside the rows."""
    needs = learning.needs(recipe_name(wildcards))
    return {name: paths.data(WORLD, name) for name in needs}


def start_files(wildcards):
    """What training starts from; an external checkpoint is neither made nor tracked."""
    folders = base_folders(wildcards.model)
    return parent(folders[0]) if folders else {}


def given_run(wildcards, run):
    """The external checkpoint used as ``full`` or an oracle; None if that is trained here."""
    w = wildcards
    return external_checkpoints.given_run(
        CONFIG, w.model, run, w.get("split"), int(w.seed)
    )


def given_full(wildcards):
    return given_run(wildcards, "full")


def splits_by_role():
    """The splits that have an oracle with that role."""
    roles = dict.fromkeys(role for split in SPLITS.values() for role in split.roles)
    return {role: [name for name in SPLITS if is_oracle(role, name)] for role in roles}


def oracle_data(role):
    """The file of a rule's split that an oracle learns."""
    return lambda w: paths.data(WORLD, SPLITS[w.split].data_of(role))


def is_finetuned(wildcards, run):
    """Whether a run learned authors and unlearned none: ``full``, or an oracle of its split."""
    return run == "full" or is_oracle(run, wildcards.get("split"))


def trained_folders(wildcards, run):
    """The checkpoint of ``full``, ``random`` or an oracle, if it is ours."""
    w = wildcards
    if is_finetuned(w, run) and given_run(w, run) is not None:
        return []
    return [paths.trained(WORLD, w.model, w.get("split", ""), run, w.seed)]


def full_files(wildcards):
    """The model before unlearning; nothing if it is external."""
    folders = trained_folders(wildcards, "full")
    return parent(folders[0]) | beneath(wildcards, "full") if folders else {}


def beneath(wildcards, run):
    """Our checkpoints below a run's adapters, which must exist when the run is loaded."""
    return there(adapted_folders(wildcards, run))


def there(folders):
    """Checkpoints as inputs that only have to exist."""
    names = [
        f"{folder}/{name}"
        for folder in folders
        for name in (paths.DIGEST, paths.WEIGHTS)
    ]
    return {"beneath": [ancient(name) for name in names]} if names else {}


def trains_adapters(wildcards, stage):
    compute = CONFIG.model_settings[wildcards.model]
    return compute.training(stage)["lora"] is not None


def adapted_folders(wildcards, run):
    """The checkpoint below a run's adapters, the one below that, and so on down to whole weights."""
    w = wildcards
    if run in ("base", "random") or not checkpoint_folders_of(w, run):
        return []
    if is_finetuned(w, run):
        return base_folders(w.model) if trains_adapters(w, "finetune") else []
    if not trains_adapters(w, "unlearn"):
        return []
    return origin_folders(run, w) + adapted_folders(w, "full")


def origin_folders(method, wildcards):
    """What a run came from, latest first: ends of previous runs, then full if it is ours."""
    w = wildcards
    ends = [
        paths.epoch(paths.run(WORLD, w.model, split, run, w.seed), max(epochs_of(run)))
        for run, split in chains.chain(CONFIG, method, w.split)
    ]
    return ends + trained_folders(w, "full")


def snapshot_folders(model="{model}"):
    """The folders of a base's snapshots, if it is made here."""
    return [paths.snapshot(WORLD, model, n) for n in CONFIG.snapshots]


def snapshot_files():
    """The digest of each snapshot as a target, whether a method needs it or not.

    If an output of a job was never made, Snakemake does not check the job for other changes.
    """
    folders = [folder for model in own_models() for folder in snapshot_folders(model)]
    return [f"{folder}/{paths.DIGEST}" for folder in folders]


def loaded_as_given(job):
    """The external checkpoints that a job loads."""
    p = job.params
    converted = [p.path] if name_here(job.name) == "import_base" else []
    started = [] if job.input.get("parent") else [p.get("given"), p.get("reference")]
    return [*converted, *started, *(p.get("others") or {}).values()]


def check_hub():
    """Refuse a model that the hub would refuse now, not after an hour of other jobs."""
    on_hub = external_checkpoints.on_hub(CONFIG)
    jobs = our_jobs() if on_hub else ()
    loaded = {source for job in jobs for source in loaded_as_given(job)}
    try:
        external_checkpoints.check_hub(
            {s: key for s, key in on_hub.items() if s in loaded}
        )
    except LetheError as error:
        raise WorkflowError(f"error: {error}") from None
