"""What the scripts that train share: how their job runs, and goes on after it was stopped."""

import hashlib
import json

from machine import in_shards, team

from lethe.common import paths
from lethe.common.files import sha256
from lethe.model import checkpoint_check
from lethe.model.cost import Meter
from lethe.pipeline.ledger import Stage
from lethe.train.execution import Execution
from lethe.train.resume import Keeper


def key(snakemake) -> str:
    """What the job's results depend on: its parameters, and its inputs by content.

    Weights are left out: the digest file beside them stands for them.
    """
    inputs = {
        str(file): sha256(file)
        for file in snakemake.input
        if not str(file).endswith((paths.WEIGHTS, checkpoint_check.GGUF))
    }
    given = {"params": dict(snakemake.params.items()), "inputs": inputs}
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()


def load_to(snakemake, device: str) -> str:
    """Where a model that is to be trained is loaded: it need not fit whole on the device."""
    return "cpu" if in_shards(snakemake) else device


def execution(snakemake, stage: Stage, meter: Meter, device: str) -> Execution:
    """By the configuration's ``compute``: no param of a rule, since it changes no result."""
    compute, sharded = snakemake.config["compute"], in_shards(snakemake)
    together = team(snakemake, device, sharded)
    keeper = Keeper(stage.state, compute["save_seconds"], meter, together)
    return Execution(compute["microbatch_tokens"], keeper, together)
