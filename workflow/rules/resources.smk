# What a profile says of rules' resources. Rules that are made for each method, table or figure have
# names that no profile can list, so an entry of `set-resources` may be a pattern, such as unlearn_*.
# And under --use-conda, a rule to which a profile gives a GPU has the environment with CUDA.

from snakemake.resources import Resource

# What may grow with attempts; `max_runtime` and `max_mem_mb` in the profile bound it.
GROWING = ("runtime", "mem_mb")


def spread_resources():
    """Give rules the resources of the patterns that they fit; a rule's own entry wins."""
    given = workflow.resource_settings.overwrite_resources or {}
    for ruled in OURS:
        for pattern, resources in given.items():
            if fnmatchcase(ruled.name, pattern):
                ruled.resources.update(resources)
        ruled.resources.update(given.get(ruled.name, {}))
        if "gpu" in ruled.resources and ruled.conda_env == "../../envs/torch.yaml":
            ruled.conda_env = "../../envs/torch_gpu.yaml"


def taken(ruled, name):
    """A number of the profile's that is for us, not for a scheduler: taken out; None: not there."""
    found = constant(ruled, name)
    ruled.resources[name] = None
    return found


def bounded(name, resource, most):
    """A resource that grows as SLURM says why the job failed before, and not beyond ``most``."""

    def value(wildcards, attempt, rulename, **others):
        counted = attempts_of(rulename, wildcards, attempt)[name]
        found = resource.evaluate(
            wildcards, attempt=counted, rulename=rulename, **others
        ).value
        limits = [most, partition_limit(rulename, name)]
        bounds = [limit for limit in limits if limit is not None]
        return min([found, *bounds]) if isinstance(found, int) else found

    return Resource(name, value)


def as_many(resource, gpu_mb):
    """The number of GPUs: the profile's, or as many as the job's processes and memory need."""

    def value(wildcards, rulename, **others):
        given = resource.evaluate(wildcards, rulename=rulename, **others).value
        model = wildcards.get("model")
        return given and max(given, gpus_needed(rulename, model, gpu_mb))

    return Resource("gpu", value)


GPU_MB = {}


def bound_resources():
    """Bound what grows, and count the GPUs of rules to which the profile gives some."""
    for ruled in OURS:
        found = ruled.resources
        GPU_MB[ruled.name] = taken(ruled, "gpu_mb")
        limits = {name: taken(ruled, f"max_{name}") for name in GROWING}
        for name in GROWING:
            if name in found and found[name].is_evaluable():
                found[name] = bounded(name, found[name], limits[name])
        if "gpu" in found and stage_of(ruled.name):
            found["gpu"] = as_many(found["gpu"], GPU_MB[ruled.name])


spread_resources()
bound_resources()
