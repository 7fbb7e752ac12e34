# Rules' resources from the profile. Rules made for each method, table or figure have names that no
# profile can list, so an entry of `set-resources` may be a pattern, such as unlearn_*. Under
# --use-conda, a rule to which the profile gives a GPU gets the environment with CUDA.

from snakemake.resources import Resource

# Resources that grow with attempts, bounded by `max_runtime` and `max_mem_mb` in the profile.
GROWING = ("runtime", "mem_mb")


def spread_resources():
    """Give rules the resources of matching patterns; a rule's own entry wins."""
    given = workflow.resource_settings.overwrite_resources or {}
    for ruled in OURS:
        for pattern, resources in given.items():
            if fnmatchcase(ruled.name, pattern):
                ruled.resources.update(resources)
        ruled.resources.update(given.get(ruled.name, {}))
        if "gpu" in ruled.resources and ruled.conda_env == "../../envs/torch.yaml":
            ruled.conda_env = "../../envs/torch_gpu.yaml"


def taken(ruled, name):
    """Remove and return a number in the profile meant for us, not for a scheduler; None if unset."""
    found = constant(ruled, name)
    ruled.resources[name] = None
    return found


def bounded(name, resource, most):
    """A resource that grows for the reasons of earlier failures in SLURM, but not above ``most``."""

    def value(wildcards, attempt, rulename, **others):
        counted = attempts_of(rulename, wildcards, attempt)[name]
        found = resource.evaluate(
            wildcards, attempt=counted, rulename=rulename, **others
        ).value
        limits = [most, partition_limit(rulename, name)]
        bounds = [limit for limit in limits if limit is not None]
        return min([found, *bounds]) if isinstance(found, int) else found

    return Resource(name, value)


def as_many(resource, gpu_mb, places, sharing):
    """The number of GPUs: the profile's, or what the job's processes and memory need.

    Where jobs may share a GPU, each has so many ``places``, which are counted instead. ``sharing``:
    whether the rule's jobs take one place if their model is small.
    """

    def value(wildcards, rulename, **others):
        given = resource.evaluate(wildcards, rulename=rulename, **others).value
        if not given or not stage_of(rulename):
            return given * places
        model = wildcards.get("model")
        gpus = max(given, gpus_needed(rulename, model, gpu_mb))
        small = gpus == 1 and sharing and shares_gpu(rulename, model, gpu_mb, places)
        return 1 if small else gpus * places

    return Resource("gpu", value)


def gpu_jobs(ruled):
    """How many of a rule's jobs the profile lets share a GPU; on one machine alone."""
    given = taken(ruled, "gpu_jobs")
    if given is not None and (not isinstance(given, int) or given < 1):
        raise WorkflowError(
            f"error: profile: gpu_jobs: {given} of {ruled.name} is no whole number from 1 on"
        )
    return given if given is not None and workflow.local_exec else 1


def count_places(places):
    """Let Snakemake count the places of GPUs."""
    gpus = getattr(workflow.global_resources.get("gpu"), "value", None)
    if places > 1 and gpus is not None and workflow.is_main_process:
        workflow.register_resource("gpu", gpus * places)


GPU_MB = {}


def bound_resources():
    """Bound the resources that grow, and set the number of GPUs of rules that have any."""
    jobs = {ruled.name: gpu_jobs(ruled) for ruled in OURS}
    places = max(jobs.values(), default=1)
    for ruled in OURS:
        found = ruled.resources
        GPU_MB[ruled.name] = taken(ruled, "gpu_mb")
        limits = {name: taken(ruled, f"max_{name}") for name in GROWING}
        for name in GROWING:
            if name in found and found[name].is_evaluable():
                found[name] = bounded(name, found[name], limits[name])
        if "gpu" in found:
            sharing = jobs[ruled.name] > 1
            found["gpu"] = as_many(found["gpu"], GPU_MB[ruled.name], places, sharing)
            if places > 1:
                found["gpu_jobs"] = places
    count_places(places)


spread_resources()
bound_resources()


def start_at_once():
    """Lift Snakemake's limit on jobs per second from a run on one machine.

    With a limit (100 a second by default) every scheduling pass plans another a second later, which
    plans the next: after n jobs there are n passes a second. Only services need such a limit.
    """
    if workflow.is_main_process and workflow.local_exec and not IMPORTED:
        workflow.scheduler.job_rate_limiter = None
