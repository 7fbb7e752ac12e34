# The main memory that a job with a model requests, and its GPUs if the profile has any.

from fnmatch import fnmatchcase

from lethe.pipeline import gpu_speed, memory

# What each rule does with a model; rules that are not listed load none.
MODEL_STAGES = {
    "base": "finetune",
    "import_base": "convert",
    "train_*": "finetune",
    "random": "random",
    **{need.source.run: "evaluate" for need in MADE_NEEDS},
    "supervision_*": "evaluate",
    "unlearn_*": "unlearn",
    "state_*": "relearn",
    "collect": "evaluate",
    "collect_state": "evaluate",
    "interpolation": "interpolate",
    "lm_eval": "evaluate",
    "audit_answers": "relearn",
    "defend_*": "relearn",
    "defence_pair": "compare",
}
# Rules whose job is one process, whatever compute.processes says.
ALONE = (
    "import_base",
    "random",
    "interpolation",
    "lm_eval",
    "pool_member",
    "audit_answers",
    "defence_pair",
    *(f"supervision_{kind}" for kind in CONFIG.supervisions),
    *(need.source.run for need in MADE_NEEDS),
)


def entry_of(table, rulename):
    """A rule's entry in a table of patterns; None if there is none."""
    return next(
        (entry for pattern, entry in table.items() if fnmatchcase(rulename, pattern)),
        None,
    )


def stage_of(rulename):
    """A rule's stage, as named in lethe.pipeline.memory; None if it loads no model."""
    rulename = name_here(rulename)
    stage = entry_of(MODEL_STAGES, rulename)
    if rulename.startswith("state_"):
        kind = settings.attack_kind(CONFIG, rulename.removeprefix("state_"))
        # An attack that reads no rows trains nothing.
        return stage if attack.needs(kind) else "evaluate"
    return stage


def methods_of(rulename):
    """The methods that a rule's jobs may run; if there is none, all listed methods count."""
    return (
        methods_by_rule()[name_here(rulename)]
        if stage_of(rulename) == "unlearn"
        else None
    )


def processes_of(rulename, on_gpu):
    """How many processes share a rule's job, as in scripts/machine.py."""
    if name_here(rulename) in ALONE:
        return 1
    count = CONFIG.compute.processes
    small = name_here(rulename) == "base" and not on_gpu
    return count * CONFIG.threads.base if small else count


def constant(ruled, name):
    """A rule's resource in the profile that is the same for all its jobs; None if not set."""
    if name not in ruled.resources:
        return None
    nothing = {"input": [], "attempt": 1, "threads": 1, "async_run": None}
    return ruled.resources[name].evaluate({}, rulename=ruled.name, **nothing).value


def asks_gpu(rulename):
    """Whether the profile gives a rule GPUs."""
    return "gpu" in workflow.get_rule(rulename).resources


@cache
def main_bytes(rulename, model):
    """Main memory of a rule's job on a model; LetheError if the model's size is not known."""
    on_gpu = asks_gpu(rulename)
    processes, named = processes_of(rulename, on_gpu), methods_of(rulename)
    needed = memory.in_main(CONFIG, model, stage_of(rulename), processes, named, on_gpu)
    return needed + asked_beside(rulename, model)


def asked_beside(rulename, model):
    """Bytes of the second model of a training whose epochs are evaluated in its process."""
    if not ASKED_IN_RUN or stage_of(rulename) != "unlearn":
        return 0
    return memory.on_device(CONFIG, model, "evaluate")


def main_memory(wildcards, attempt, rulename):
    """MiB of main memory of a job, from its model's size and its stage."""
    try:
        needed = main_bytes(rulename, wildcards.model)
        if suite_compares(wildcards):
            processes = processes_of(rulename, asks_gpu(rulename))
            needed += processes * memory.stored(CONFIG, wildcards.model)
        needed += copies_beside(rulename) * memory.stored(CONFIG, wildcards.model)
    except LetheError:
        # check_resources reports it, and refuses it if a scheduler enforces memory.
        needed = memory.BESIDE
    return attempt * int(needed / 2**20)


def suite_compares(wildcards):
    """Whether a job's suite loads another model beside the one that it asks."""
    name = wildcards.get("suite")
    return name is not None and suite.contract(name).reference is not None


def copies_beside(rulename):
    """How many models a defence's run holds besides the one that it trains."""
    run = DEFENCE_RUNS.get(name_here(rulename).removeprefix("defend_"))
    if run is None:
        return 0
    # To choose layers to freeze, the model before is compared with that of a pilot run.
    passes = defences.trained(CONFIG, run).passes
    return (1 if passes.frozen else 0) + (2 if run.freezing else 0)


def says_memory(rulename):
    """Whether the profile itself sets a rule's memory."""
    entries = workflow.resource_settings.overwrite_resources or {}
    return any(
        fnmatchcase(rulename, pattern) and {"mem", "mem_mb", "mem_mib"} & set(given)
        for pattern, given in entries.items()
    )


def memory_problem(job):
    """Why the memory of a job with a model is not known; None if it is."""
    if stage_of(job.rule.name) is None or says_memory(job.rule.name):
        return None
    try:
        main_bytes(job.rule.name, job.wildcards.model)
    except LetheError as error:
        return str(error)
    return None


@cache
def device_bytes(rulename, model, processes):
    """Bytes on each GPU of a rule's job on a model; its share if several processes hold it."""
    stage, named = stage_of(rulename), methods_of(rulename)
    share = memory.in_shards(CONFIG, model, stage, processes, named)
    return share + asked_beside(rulename, model)


def gpus_needed(rulename, model, gpu_mb):
    """How many GPUs a job needs: one for each process, and enough to hold what it trains.

    ``gpu_mb``: MB of one GPU; None if the profile does not say.
    """
    count = processes_of(rulename, on_gpu=True)
    if gpu_mb is None or model is None:
        return count
    try:
        return max(count, -(-int(device_bytes(rulename, model, 1) / 1e6) // gpu_mb))
    except LetheError:
        return count


def shares_gpu(rulename, model, gpu_mb, jobs):
    """Whether a job leaves most of a GPU idle, and fits on it beside ``jobs`` - 1 others."""
    if model is None or gpu_mb is None or jobs == 1:
        return False
    try:
        small = memory.weights(CONFIG, model) <= gpu_speed.SMALL
        taken = device_bytes(rulename, model, 1) + gpu_speed.CONTEXT
    except LetheError:
        return False
    return small and taken <= 1e6 * gpu_mb / jobs


def gpu_problem(job, gpu_mb):
    """Why a job cannot use, or does not get, the GPUs that it needs; None if it can."""
    name, model = job.rule.name, job.wildcards.get("model")
    processes = processes_of(name, on_gpu=True)
    gpus = -(-job.resources.gpu // job.resources.get("gpu_jobs", 1))
    if gpus < processes:
        return (
            f"{name} runs in {processes} processes, each with a GPU, but the profile has "
            f"{gpus}; lower compute.processes, or raise resources: gpu"
        )
    if gpu_mb is None or model is None:
        return None
    sharded = CONFIG.compute.sharding != "none"
    try:
        taken = device_bytes(name, model, processes if sharded else 1)
    except LetheError:
        # For a model of unknown size nothing can be checked.
        return None
    if taken <= 1e6 * gpu_mb:
        return None
    trains = stage_of(name) in memory.TRAINING
    remedy = "take larger GPUs"
    if trains:
        remedy = (
            "have more processes hold it together (config/sharded.yaml, docs/training.md), "
            f"train adapters (model_settings.{model}.lora), or {remedy}"
        )
    return (
        f"{name} of {model} takes {disk.readable(taken)} on a GPU, which has "
        f"{disk.readable(1e6 * gpu_mb)} (gpu_mb in the profile); {remedy}"
    )
