"""Splits by the files that were cut from them, for commands that know a folder and a name."""

import re
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.world.pictures.split import CONTROLS, UNSEEN
from lethe.world.split import split
from lethe.world.splits.base import RETAIN, BaseSplit, Oracle, SplitSettings

NAME = re.compile("[a-z][a-z0-9_]*")
# The part that only splits of worlds with pictures have.
SHOWN = "forget_by_picture"
# What is asked about the forget set is in a file of the split's name alone.
PERTURBED = "perturbed"


def split_in(folder: str | Path, name: str) -> BaseSplit:
    """The split called ``name``; of one with settings of its own, what its files in ``folder`` say.

    LetheError for a name that neither is a split's by itself nor has the files of one.
    """
    parts = _parts(Path(folder), name) if NAME.fullmatch(str(name)) else ()
    try:
        known = split(name)
    except LetheError:
        if not {"forget", "retain"} <= {*parts}:
            raise
        return CutSplit(name, parts)
    return ShownSplit(known, parts) if SHOWN in parts else known


def _parts(folder: Path, name: str) -> tuple[str, ...]:
    """The parts of which there is a file, as ``BaseSplit.files`` names it."""
    more = sorted(file.stem.removeprefix(f"{name}_") for file in folder.glob(f"{name}_*.json"))
    own = ("forget",) if (folder / f"{name}.json").is_file() else ()
    return (*own, *(f"forget_{part}" if _of_forget(part) else part for part in more))


def _of_forget(part: str) -> bool:
    """Whether a file's part begins with ``forget_``, which names of files leave out."""
    return part == PERTURBED or f"forget_{part}".startswith((*CONTROLS, UNSEEN))


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


class ShownSplit(CutSplit):
    """A split that its name says, ``source``, with the further files of a world with pictures."""

    def __init__(self, source: BaseSplit, parts: tuple[str, ...]):
        super().__init__(source.name, tuple(dict.fromkeys((*source.parts, *parts))))
        self.source, self.oracles = source, source.oracles

    @property
    def files(self) -> dict[str, str]:
        return super().files | self.source.files
