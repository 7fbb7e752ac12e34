"""What the scripts that train share: how their job runs."""

from lethe.execution import Execution


def execution(snakemake) -> Execution:
    """By the configuration's ``compute``: no param of a rule, since it changes no result."""
    return Execution(part_tokens=snakemake.config["compute"]["part_tokens"])
