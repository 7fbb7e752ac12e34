"""Where the scripts that use a model compute: device and processes, by ``compute``.

No params of the rules: to rounding, they change no result.
"""

from rule_name import rule_of

from lethe.common import devices
from lethe.common.distributed import SingleProcess
from lethe.common.torch_setup import set_up

# Where a model is made from its architecture it is small: its threads would meet after each of many
# short operations, processes of one thread meet once a step (docs/benchmarks.md).
SMALL = {"base"}


def processes(snakemake) -> int:
    """How many processes share the job."""
    count = snakemake.config["compute"]["processes"]
    return count * snakemake.params.threads if _apart(snakemake) else count


def ready(snakemake) -> str:
    """Set torch up for the job; the device to compute on."""
    threads = 1 if _apart(snakemake) else snakemake.params.threads
    return set_up(threads, snakemake.config["compute"]["device"])


def _apart(snakemake) -> bool:
    """Whether each of the job's threads is that of a process of its own."""
    device = snakemake.config["compute"]["device"]
    on_cpu = device == "cpu" or (device == "auto" and not devices.any_gpu())
    return on_cpu and rule_of(snakemake) in SMALL


def in_shards(snakemake) -> bool:
    """Whether the processes of a training hold its model together."""
    return snakemake.config["compute"]["sharding"] != "none"


def process_group(snakemake, device: str, sharded: bool = False) -> SingleProcess:
    """This process among those of the job, which have then all begun.

    ``sharded``: they hold models together.
    """
    if processes(snakemake) == 1:
        return SingleProcess()
    from lethe.common.distributed import ProcessGroup
    from lethe.model.fsdp import Sharded

    found = Sharded(device) if sharded else ProcessGroup(device)
    found.wait()
    return found
