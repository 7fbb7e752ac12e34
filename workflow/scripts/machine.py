"""Where the scripts that use a model compute: device and processes, by ``compute``.

No params of the rules: to rounding, they change no result.
"""

from lethe.execution import Alone
from lethe.runtime import set_up


def processes(snakemake) -> int:
    """How many processes share the job."""
    return snakemake.config["compute"]["processes"]


def ready(snakemake) -> str:
    """Set torch up for the job; the device to compute on."""
    return set_up(snakemake.params.threads, snakemake.config["compute"]["device"])


def in_shards(snakemake) -> bool:
    """Whether the processes of a training hold its model together."""
    return snakemake.config["compute"]["sharding"] != "none"


def team(snakemake, device: str, sharded: bool = False) -> Alone:
    """This process among those of the job, which have then all begun.

    ``sharded``: they hold models together.
    """
    if processes(snakemake) == 1:
        return Alone()
    from lethe.sharding import Sharded
    from lethe.team import Team

    found = Sharded(device) if sharded else Team(device)
    found.wait()
    return found
