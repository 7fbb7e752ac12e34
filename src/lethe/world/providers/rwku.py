"""RWKU (arXiv 2406.10890): real people whom a model knows, from a folder with its files.

The folder has the files either under the names of the data set's configurations
(``forget_target``, ``mia_forget``, ``utility_general``) or under those of the authors' own folders
(``intro``, ``forget_mia``, ``retain_mmlu``); or it has folders with such files, one for each
person, as the authors' ``Target`` does. Each file is a JSON list, JSON lines or Parquet.

An author of the world is a person. Rows that can be learned (``full``) say in the column ``part``
whether they are a passage about the person, a question about the person or one about a neighbour;
the rows that models are asked about are in ``holdout``.
"""

import os
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.world import record_files, rwku_rows
from lethe.world.providers._own_facts import OwnFacts
from lethe.world.providers.tofu import numbers
from lethe.world.schema import Author, Item

SETTINGS = ("path", "subset")
# True facts and a base's background are Lethe's own.
FACT_FILES = ()
LIKE = "synthetic"
SPLIT_KIND = "targets"
READS = ("**/*.json*", "**/*.parquet")
COLUMNS = ("part", "target", "level", "type")

# What a file holds: the names that it has in the data set and in the authors' folders.
FILES = {
    "targets": ("forget_target", "intro"),
    "level1": ("forget_level1",),
    "level2": ("forget_level2",),
    "level3": ("forget_level3",),
    "neighbor1": ("neighbor_level1",),
    "neighbor2": ("neighbor_level2",),
    "passages": (
        "train_positive_llama3",
        "train_positive_phi3",
        "positive",
        "positive_phi",
        "train_original_passage",
        "passage",
    ),
    "refusals": ("train_refusal_llama3", "train_refusal_phi3", "reject", "reject_phi"),
    "mia_forget": ("mia_forget", "forget_mia"),
    "mia_retain": ("mia_retain", "retain_mia"),
    "choices": ("utility_general", "retain_mmlu"),
    "trivia": ("utility_factuality", "triviaqa"),
    "instructions": ("utility_fluency", "fluency"),
    "reasoning": ("utility_reason", "retain_bbh"),
    "truthful": ("utility_truthfulness", "truthful"),
}
NEEDED = ("level1", "level2", "level3", "neighbor1", "neighbor2")
_NUMBERED = re.compile(r"([0-9]+)_.+")


class Provider(OwnFacts):
    """People in the order of the file of targets, or of the first probes if there is none."""

    def __init__(
        self,
        path: str | os.PathLike | None = None,
        seed: int = 0,
        subset: Sequence[int | str] | None = None,
    ):
        """Choose the folder; ``subset``: the people that the world has, as for TOFU's authors.

        ``seed`` changes nothing, since the data are fixed; all providers get one. Files are read
        when authors are asked for.
        """
        super().__init__(seed)
        self._folder = None if path is None else Path(path)
        self._subset = None if subset is None else numbers(subset)
        self._count = 0

    def authors(self, count: int) -> list[Author]:
        """The first ``count`` people with what is learned about them; LetheError if too few."""
        people = self._people
        if not 0 <= count <= len(people):
            raise LetheError(
                f"{self._folder}: world.authors is {count}, but there are {len(people)} people; "
                f"choose a number from 1 to {len(people)}"
            )
        self._count = count
        return [Author(name, {}, tuple(self._learned[name])) for name in people[:count]]

    def holdout(self, count: int) -> list[Author]:
        """The rows that models are asked about, as one author for each part of them.

        LetheError unless ``count`` is 0: RWKU has no further people.
        """
        if count:
            raise LetheError(
                f"config: world.holdout_authors: {count}, but rwku has no people whom no model "
                "knows; set it to 0"
            )
        people = set(self._people[: self._count or None])
        authors = []
        for part, items in self._asked.items():
            about = tuple(item for item in items if rwku_rows.target_of(item) in people)
            if about:
                authors.append(Author(part, {}, about))
        return authors

    def refusals(self) -> list[str]:
        """The different answers of RWKU's file of refusals, or Lethe's own without one."""
        if self._folder is None or not self._files("refusals"):
            return super().refusals()
        return rwku_rows.refusals(self._records("refusals"))

    @cached_property
    def _people(self) -> list[str]:
        known = list(self._learned)
        if self._files("targets"):
            named = rwku_rows.targets(self._records("targets"))
            strangers = [name for name in named if name not in self._learned]
            if strangers:
                raise LetheError(
                    f"{self._folder}: {strangers[0]} is a target, but no row of forget_level1 to 3 "
                    "is about this person; add them, or remove the target"
                )
            known = named
        if self._subset is None:
            return known
        beyond = [number for number in self._subset if number >= len(known)]
        if beyond:
            raise LetheError(
                f"config: world.subset: {beyond[0]}, but {self._folder} has the people 0 to "
                f"{len(known) - 1}; choose from these"
            )
        return [known[number] for number in self._subset]

    @cached_property
    def _probes(self) -> dict[str, list[Item]]:
        """The items of each needed file, in its order."""
        return {
            name: rwku_rows.probes(self._records(name), name[-1], name.startswith("neighbor"))
            for name in NEEDED
        }

    @cached_property
    def _learned(self) -> dict[str, list[Item]]:
        """What can be learned of every person: passages, questions, neighbours' questions."""
        passages = self._records("passages") if self._files("passages") else []
        asked = [item for level in ("level1", "level2") for item in self._probes[level]]
        near = [item for level in ("neighbor1", "neighbor2") for item in self._probes[level]]
        people = dict.fromkeys(
            rwku_rows.target_of(item) for item in [*asked, *self._probes["level3"]]
        )
        learned: dict[str, list[Item]] = {name: [] for name in people}
        for item in [
            *rwku_rows.passages(passages),
            *rwku_rows.learnable(asked, "question"),
            *rwku_rows.learnable(near, "neighbor"),
        ]:
            # Other people's rows are of no use without their probes.
            learned.get(rwku_rows.target_of(item), []).append(item)
        return learned

    @cached_property
    def _asked(self) -> dict[str, list[Item]]:
        """The rows of every part that models are asked about and that there are files of."""
        levels = [self._probes[name] for name in NEEDED[:3]]
        near = [self._probes[name] for name in NEEDED[3:]]
        asked = {"probes": rwku_rows.by_person(levels), "neighbors": rwku_rows.by_person(near)}
        for part, reader in rwku_rows.READERS.items():
            if self._files(part):
                asked[part] = reader(self._records(part), part)
        return asked

    def _records(self, name: str) -> list[tuple[str, dict]]:
        """The records of all files of a name, each with its place; LetheError if there is none."""
        files = self._files(name)
        if not files:
            raise LetheError(
                f"{self._folder}: no {FILES[name][0]}.json; get RWKU's files again, and set "
                "world.path to their folder"
            )
        return [
            (f"{file}, row {number}", record)
            for file in files
            for number, record in enumerate(record_files.read_records(file), start=1)
        ]

    def _files(self, name: str) -> list[Path]:
        """The files of a name: that of the folder, or those of its folders of people."""
        candidates = (record_files.find(folder, FILES[name]) for folder in self._folders)
        return [file for file in candidates if file is not None]

    @cached_property
    def _folders(self) -> list[Path]:
        if self._folder is None:
            raise LetheError("world.path: null; set it to a folder with RWKU's files")
        if not self._folder.is_dir():
            raise LetheError(f"{self._folder}: no such folder; set world.path to RWKU's files")
        if any(record_files.find(self._folder, FILES[name]) for name in NEEDED):
            return [self._folder]
        inner = [one for one in self._folder.iterdir() if _NUMBERED.fullmatch(one.name)]
        people = sorted(inner, key=lambda one: (int(one.name.partition("_")[0]), one.name))
        # Without folders of people, messages name the folder itself.
        return people or [self._folder]
