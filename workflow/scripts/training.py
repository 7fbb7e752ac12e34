"""Shared by scripts that train: how a job runs, and how it resumes after it was stopped."""

import hashlib
import json
from pathlib import Path
from typing import Any

from machine import in_shards, process_group, ready
from rule_name import rule_of
from start import report_of, split_of, start_of

from lethe.common import paths
from lethe.common.files import sha256
from lethe.model import checkpoint_check
from lethe.model.cost import Meter
from lethe.model.settings import Compute
from lethe.pipeline.ledger import Stage
from lethe.train.execution import Execution
from lethe.train.resume import StateSaver


def key(snakemake) -> str:
    """A key for all that the job's results depend on: its parameters and its inputs' content.

    Weights are left out, because the digest file beside them represents them; so is the folder of
    pictures, because rows have their digests.
    """
    inputs = {
        str(file): sha256(file)
        for file in snakemake.input
        if not str(file).endswith((paths.WEIGHTS, checkpoint_check.GGUF))
        and not Path(file).is_dir()
    }
    given = {"params": dict(snakemake.params.items()), "inputs": inputs}
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()


def execution(snakemake, stage: Stage, meter: Meter, device: str) -> Execution:
    """From the configuration's ``compute``, which is not a param, since it changes no result."""
    compute, sharded = snakemake.config["compute"], in_shards(snakemake)
    together = process_group(snakemake, device, sharded)
    state_saver = StateSaver(stage.state, compute["save_seconds"], meter, together)
    return Execution(compute["microbatch_tokens"], state_saver, together)


def from_checkpoint(snakemake, stage: Stage, meter: Meter) -> dict[str, Any]:
    """The arguments shared by all trainings that start from a checkpoint."""
    p, device = snakemake.params, ready(snakemake)
    start, parent = start_of(snakemake)
    return {
        "start": start,
        "template": p.template,
        "max_length": p.max_length,
        "seed": int(snakemake.wildcards.seed),
        "compute": Compute(**p.loading, **p.training),
        "device": device,
        "how": execution(snakemake, stage, meter, device),
        "report": report_of(snakemake, p.label),
        "stage": rule_of(snakemake),
        "parent": parent,
        **split_of(snakemake),
    }
