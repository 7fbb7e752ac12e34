"""Device and processes of scripts that use a model, from the configuration's ``compute``.

They are not params of the rules, because they change no result beyond rounding.
"""

from rule_name import rule_of

from lethe.common import devices
from lethe.common.distributed import SingleProcess
from lethe.common.torch_setup import set_up

# A model made from its architecture is small: threads would synchronise after each of many short
# operations, processes of one thread only once a step (docs/benchmarks.md).
SMALL = {"base", "recipe_base"}


def processes(snakemake) -> int:
    """How many processes share the job."""
    count = snakemake.config["compute"]["processes"]
    return count * snakemake.params.threads if _apart(snakemake) else count


def ready(snakemake) -> str:
    """Set torch up for the job; the device to compute on."""
    threads = 1 if _apart(snakemake) else snakemake.params.threads
    return set_up(threads, snakemake.config["compute"]["device"])


def _apart(snakemake) -> bool:
    """Whether each of the job's threads gets a process of its own."""
    device = snakemake.config["compute"]["device"]
    on_cpu = device == "cpu" or (device == "auto" and not devices.any_gpu())
    return on_cpu and rule_of(snakemake) in SMALL


def in_shards(snakemake) -> bool:
    """Whether a training's processes share its model, each holding a part."""
    return snakemake.config["compute"]["sharding"] != "none"


def process_group(snakemake, device: str, sharded: bool = False) -> SingleProcess:
    """The job's group of processes, after all of them have started.

    ``sharded``: they share models, each holding a part.
    """
    if processes(snakemake) == 1:
        return SingleProcess()
    from lethe.common.distributed import ProcessGroup
    from lethe.model.fsdp import Sharded

    group = Sharded(device) if sharded else ProcessGroup(device)
    group.wait()
    return group
