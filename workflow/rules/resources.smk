# What a profile says of rules' resources. Rules that are made for each method, table or figure have
# names that no profile can list, so an entry of `set-resources` may be a pattern, such as unlearn_*.
# And under --use-conda, a rule to which a profile gives a GPU has the environment with CUDA.

from fnmatch import fnmatchcase


def spread_resources():
    """Give rules the resources of the patterns that they fit; a rule's own entry wins."""
    given = workflow.resource_settings.overwrite_resources or {}
    for ruled in workflow.rules:
        for pattern, resources in given.items():
            if fnmatchcase(ruled.name, pattern):
                ruled.resources.update(resources)
        ruled.resources.update(given.get(ruled.name, {}))
        if "gpu" in ruled.resources and ruled.conda_env == "../../envs/torch.yaml":
            ruled.conda_env = "../../envs/torch_gpu.yaml"


spread_resources()
