"""Splits by the files that were cut from them, for commands that know a folder and a name."""

import re
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.world.split import split
from lethe.world.splits.base import RETAIN, BaseSplit, Oracle, SplitSettings

NAME = re.compile("[a-z][a-z0-9_]*")
# What is asked about the forget set is in a file of the split's name alone.
PERTURBED = "perturbed"


def split_in(folder: str | Path, name: str) -> BaseSplit:
    """The split called ``name``; of one with settings of its own, what its files in ``folder`` say.

    LetheError for a name that neither is a split's by itself nor has the files of one.
    """
    try:
        return split(name)
    except LetheError:
        parts = _parts(Path(folder), name) if NAME.fullmatch(str(name)) else ()
        if not {"forget", "retain"} <= {*parts}:
            raise
        return CutSplit(name, parts)


def _parts(folder: Path, name: str) -> tuple[str, ...]:
    """The parts of which there is a file, as ``BaseSplit.files`` names it."""
    more = sorted(file.stem.removeprefix(f"{name}_") for file in folder.glob(f"{name}_*.json"))
    own = ("forget",) if (folder / f"{name}.json").is_file() else ()
    return (*own, *(f"forget_{part}" if part == PERTURBED else part for part in more))


class CutSplit(BaseSplit):
    """A split whose kind and settings are unknown, with its files and the oracles that they name.

    What the default oracle learned is the retain set under every kind; further oracles' files are
    called ``without_…``.
    """

    def __init__(self, name: str, parts: tuple[str, ...]):
        super().__init__(name, SplitSettings())
        self.parts = parts
        others = [Oracle(part, part) for part in parts if part.startswith("without_")]
        self.oracles = (RETAIN, *others)

    def cut(self, world):
        """LetheError: it is cut."""
        raise LetheError(f"splits: {self.name}: known by its files alone, which are cut")

    def rows(self, authors):
        """LetheError: only its settings say how many rows it would have."""
        raise LetheError(f"splits: {self.name}: known by its files alone, not by its settings")
