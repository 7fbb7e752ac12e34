"""Shared by scripts that start from a checkpoint; separate from ``common``, which all jobs use."""

from pathlib import Path

from lethe.common.progress import Progress
from lethe.model import checkpoint_record
from lethe.train.tracking import follow


def start_of(snakemake) -> tuple[str | Path, str]:
    """The checkpoint that a job starts from, and its name in the provenance.

    That name is the digest of the weights for our own checkpoints, the configured name for others.
    """
    parent = snakemake.input.get("parent")
    if parent is None:
        return snakemake.params.given, snakemake.params.given
    folder = Path(parent).parent
    return folder, checkpoint_record.digest(folder)


def split_of(snakemake) -> dict[str, str]:
    """The split that a job belongs to, for a checkpoint's provenance; None if there is none."""
    split = snakemake.wildcards.get("split")
    return {} if split is None else {"split": split}


def report_of(snakemake, label: str) -> Progress:
    """The callback after each training step, from the configuration; it changes no result."""
    return follow(label, snakemake.log[0], snakemake.config["tracking"])
