"""What scripts that start from a checkpoint share; apart from ``common``, which every job uses."""

from pathlib import Path

from lethe.common.progress import Progress
from lethe.model import checkpoint_record
from lethe.train.tracking import follow


def start_of(snakemake) -> tuple[str | Path, str]:
    """The checkpoint that a job starts from, and what its provenance calls it.

    Of ours by the digest of the weights, of a given one by the name under which it was given.
    """
    parent = snakemake.input.get("parent")
    if parent is None:
        return snakemake.params.given, snakemake.params.given
    folder = Path(parent).parent
    return folder, checkpoint_record.digest(folder)


def split_of(snakemake) -> dict[str, str]:
    """The split that a job belongs to, for a checkpoint's provenance; nothing where to none."""
    split = snakemake.wildcards.get("split")
    return {} if split is None else {"split": split}


def report_of(snakemake, label: str) -> Progress:
    """What a training calls after each step: by the configuration, which changes no result."""
    return follow(label, snakemake.log[0], snakemake.config["tracking"])
