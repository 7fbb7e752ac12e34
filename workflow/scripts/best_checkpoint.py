"""Put the checkpoint of a run's best epoch into the folder where it stays."""

from pathlib import Path

from common import job

from lethe.common import paths
from lethe.common.files import read_json
from lethe.model.checkpoint_copy import copy_checkpoint

with job(snakemake) as stage:
    i = snakemake.input
    run = Path(i.chosen).parent
    epoch = paths.epoch(str(run), read_json(i.chosen)["epoch"])
    copy_checkpoint(epoch, stage(Path(snakemake.output.digest).parent))
