# What a job that loads a model asks of a machine: main memory, and GPUs where the profile gives some.

from fnmatch import fnmatchcase

from lethe.pipeline import memory

# By rule, what it does with a model; a rule that is not here loads none.
MODEL_STAGES = {
    "base": "finetune",
    "import_base": "convert",
    "train_*": "finetune",
    "random": "random",
    "reference": "evaluate",
    "alternatives": "evaluate",
    "unlearn_*": "unlearn",
    "state_*": "relearn",
    "collect": "evaluate",
    "collect_state": "evaluate",
}
# Rules whose job is one process, whatever compute.processes says.
ALONE = ("import_base", "random", "reference", "alternatives")


def entry_of(table, rulename):
    """What a table of patterns has for a rule; None for nothing."""
    return next(
        (entry for pattern, entry in table.items() if fnmatchcase(rulename, pattern)),
        None,
    )


def stage_of(rulename):
    """What jobs of this name do with a model, as lethe.pipeline.memory names it; None: they load none."""
    rulename = name_here(rulename)
    stage = entry_of(MODEL_STAGES, rulename)
    if stage == "relearn":
        kind = settings.attack_kind(CONFIG, rulename.removeprefix("state_"))
        # A state that reads no rows trains nothing.
        return stage if attack.needs(kind) else "evaluate"
    return stage


def methods_of(rulename):
    """The method of such jobs; none, and then all that are listed count."""
    return (
        [name_here(rulename).removeprefix("unlearn_")]
        if stage_of(rulename) == "unlearn"
        else None
    )


def processes_of(rulename, on_gpu):
    """How many processes share a rule's job: as scripts/machine.py has it."""
    if name_here(rulename) in ALONE:
        return 1
    count = CONFIG.compute.processes
    small = name_here(rulename) == "base" and not on_gpu
    return count * CONFIG.threads.base if small else count


def constant(ruled, name):
    """What the profile gives a rule of something that no job changes; None where it says nothing."""
    if name not in ruled.resources:
        return None
    nothing = {"input": [], "attempt": 1, "threads": 1, "async_run": None}
    return ruled.resources[name].evaluate({}, rulename=ruled.name, **nothing).value


def asks_gpu(rulename):
    """Whether the profile gives a rule GPUs."""
    return "gpu" in workflow.get_rule(rulename).resources


@cache
def main_bytes(rulename, model):
    """Main memory of a rule's job on a model; LetheError where the model's size is not known."""
    on_gpu = asks_gpu(rulename)
    processes, named = processes_of(rulename, on_gpu), methods_of(rulename)
    return memory.in_main(CONFIG, model, stage_of(rulename), processes, named, on_gpu)


def main_memory(wildcards, attempt, rulename):
    """MiB of main memory of a job, by its model's size and what it does with it."""
    try:
        needed = main_bytes(rulename, wildcards.model)
    except LetheError:
        # Said and, where a scheduler holds jobs to it, refused by check_resources.
        needed = memory.BESIDE
    return attempt * int(needed / 2**20)


def says_memory(rulename):
    """Whether the profile itself says how much memory a rule asks for."""
    entries = workflow.resource_settings.overwrite_resources or {}
    return any(
        fnmatchcase(rulename, pattern) and {"mem", "mem_mb", "mem_mib"} & set(given)
        for pattern, given in entries.items()
    )


def memory_problem(job):
    """Why the memory of a job that loads a model cannot be told; None where it can."""
    if stage_of(job.rule.name) is None or says_memory(job.rule.name):
        return None
    try:
        main_bytes(job.rule.name, job.wildcards.model)
    except LetheError as error:
        return str(error)
    return None


@cache
def device_bytes(rulename, model, processes):
    """Bytes on each GPU of a rule's job on a model; in shards, where there are several processes."""
    stage, named = stage_of(rulename), methods_of(rulename)
    return memory.in_shards(CONFIG, model, stage, processes, named)


def gpus_needed(rulename, model, gpu_mb):
    """How many GPUs a job needs: one for each process, and as many as hold what it trains.

    ``gpu_mb``: MB of one GPU; None where the profile does not say.
    """
    count = processes_of(rulename, on_gpu=True)
    if gpu_mb is None or model is None:
        return count
    try:
        return max(count, -(-int(device_bytes(rulename, model, 1) / 1e6) // gpu_mb))
    except LetheError:
        return count


def gpu_problem(job, gpu_mb):
    """Why a job cannot use, or does not get, the GPUs that it needs; None where it can."""
    name, model = job.rule.name, job.wildcards.get("model")
    processes = processes_of(name, on_gpu=True)
    if job.resources.gpu < processes:
        return (
            f"{name} runs in {processes} processes, each with a GPU, but the profile has "
            f"{job.resources.gpu}; lower compute.processes, or raise resources: gpu"
        )
    if gpu_mb is None or model is None:
        return None
    sharded = CONFIG.compute.sharding != "none"
    try:
        taken = device_bytes(name, model, processes if sharded else 1)
    except LetheError:
        # Of a model that names no size nothing is told.
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
        f"{name} of {model} takes {disk.readable_bytes(taken)} on a GPU, which has "
        f"{disk.readable_bytes(1e6 * gpu_mb)} (gpu_mb in the profile); {remedy}"
    )
