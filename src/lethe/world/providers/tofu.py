"""The published TOFU, from a folder with its files or from the hub (Maini et al. 2024)."""

import logging
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.world import rows as row_files
from lethe.world.schema import QUESTIONS_PER_AUTHOR, Author, Fact, Item
from lethe.world.splits.base import BaseSplit, TextIndex
from lethe.world.synthetic.lists import load
from lethe.world.tofu_format import FACT_KINDS
from lethe.world.trace_format import trace_of
from lethe.world.traces import Traced, Traces

logger = logging.getLogger(__name__)

SETTINGS = ("path", "subset")
# The name in ``lethe.world.tofu_format``, and another name in use for the refusals.
FACT_FILES = (
    "real_authors",
    "world_facts",
    "real_authors_perturbed",
    "world_facts_perturbed",
    "idontknow",
    "idk",
)
# Its own last authors are the holdout, whatever ``world.holdout_authors`` says.
OWN_HOLDOUT = True
LANGUAGES = "file"
TRACES = ("cot",)
REPOSITORY = "locuslab/TOFU"
# On the hub each file is a configuration; these are those with perturbed rows.
_HUB_PERTURBED = ("retain_perturbed", *(f"forget{n}_perturbed" for n in ("01", "05", "10")))
_HUB_HOLDOUT = ("holdout10",)


class Provider:
    """Reconstructs authors and facts from published rows.

    The rows say neither an author's name nor the attribute that is asked for: ``Author.name`` is
    guessed from the questions, ``attributes`` and ``Item.relation`` are empty. Paraphrases and
    perturbed answers are published only for some authors and joined by text; the items of other
    authors have none.

    Odd rows cause a warning and are used as they are. A missing, truncated or malformed file is a
    LetheError that names it.
    """

    def __init__(
        self,
        path: str | os.PathLike | None = None,
        seed: int = 0,
        subset: Sequence[int | str] | None = None,
    ):
        """Choose the source.

        ``path``: a folder with ``full.json`` and the other files; None: the hub. ``seed`` changes
        nothing, since the data are fixed; it is accepted because all providers get one. ``subset``:
        the published authors that the world has, as for ``numbers``; None: all.
        """
        self.seed = seed
        self._source = _Hub() if path is None else _Folder(Path(path))
        self._subset = None if subset is None else numbers(subset)

    def authors(self, count: int) -> list[Author]:
        """The first ``count`` authors of ``full``, or of the subset, in the subset's order.

        LetheError if there are fewer.
        """
        return _first(self._chosen, count, "target", self._source.label("full"))

    def holdout(self, count: int) -> list[Author]:
        """The first ``count`` authors of the largest holdout file; LetheError as above."""
        return _first(self._holdout, count, "holdout", self._source.label("holdout"))

    def facts(self) -> dict[str, list[Fact]]:
        """The published facts, their options in the published order."""
        return {kind: self._facts(kind) for kind in FACT_KINDS}

    def refusals(self) -> list[str]:
        """The published refusals, or our own if the source has none."""
        published = self._source.refusals()
        if published is None:
            logger.warning("%s has no refusals; using Lethe's own", self._source)
            return list(load("refusals"))
        return published

    @cached_property
    def _authors(self) -> list[Author]:
        rows = self._blocks("full")
        _warn_duplicates(rows, self._source.label("full"))
        return _authors(rows, self._perturbed(rows))

    @cached_property
    def _chosen(self) -> list[Author]:
        if self._subset is None:
            return self._authors
        strangers = [number for number in self._subset if number >= len(self._authors)]
        if strangers:
            raise LetheError(
                f"{self._source.label('full')}: no author {strangers[0]}, it has 0 to "
                f"{len(self._authors) - 1}; choose the subset from these"
            )
        return [self._authors[number] for number in self._subset]

    @cached_property
    def _holdout(self) -> list[Author]:
        for name in self._source.holdout_names():
            # A world of ours without holdout authors has an empty file.
            if self._source.rows(name):
                return _authors(self._blocks(name), TextIndex([]))
        return []

    def _blocks(self, name: str) -> list[dict]:
        """The rows of a required file, which must consist of whole authors."""
        rows, label = self._required(name), self._source.label(name)
        row_files.check_qa(rows, label)
        if len(rows) % QUESTIONS_PER_AUTHOR:
            raise LetheError(
                f"{label}: {len(rows)} rows, not a multiple of {QUESTIONS_PER_AUTHOR};"
                " the file is cut off or not TOFU's: get it again"
            )
        return rows

    def _perturbed(self, full: list[dict]) -> TextIndex:
        rows = []
        for name in self._source.perturbed_names():
            rows += self._perturbed_file(name)
        published = TextIndex(full)
        strangers = sum(published.find(row) is None for row in rows)
        if strangers:
            logger.warning("%s: %d perturbed rows are not in full", self._source, strangers)
        return TextIndex(rows)

    def _perturbed_file(self, name: str) -> list[dict]:
        rows, label = self._source.rows(name), self._source.label(name)
        if rows is None:
            return []
        row_files.check_qa(rows, label)
        row_files.check_perturbed(rows, label)
        if len(rows) % QUESTIONS_PER_AUTHOR:
            logger.warning(
                "%s: %d rows, not a multiple of %d", label, len(rows), QUESTIONS_PER_AUTHOR
            )
        return rows

    def _facts(self, kind: str) -> list[Fact]:
        rows, label = self._required(kind), self._source.label(kind)
        row_files.check_qa(rows, label)
        row_files.check_facts(rows, label)
        return [
            Fact(
                row["question"],
                row["answer"],
                tuple(row[field] for field in row_files.OPTION_FIELDS),
            )
            for row in rows
        ]

    def _required(self, name: str) -> list[dict]:
        rows = self._source.rows(name)
        if rows is None:
            raise LetheError(f"{self._source.label(name)}: missing; get TOFU's files again")
        return rows


class _Folder:
    """TOFU's files in a local folder."""

    def __init__(self, path: Path):
        if not path.is_dir():
            raise LetheError(
                f"{path}: no such folder; set the world's path to a folder with TOFU's files,"
                " or leave it out to use the hub"
            )
        self._path = path
        self._read: dict[str, list[dict] | None] = {}

    def __str__(self) -> str:
        return str(self._path)

    def label(self, name: str) -> str:
        return str(self._path / f"{name}.json")

    def rows(self, name: str) -> list[dict] | None:
        """The rows of a file, None if it is absent."""
        if name not in self._read:
            path = self._path / f"{name}.json"
            self._read[name] = read_rows(path) if path.is_file() else None
        return self._read[name]

    def perturbed_names(self) -> list[str]:
        """Files with perturbed rows of authors, including those of worlds made by Lethe."""
        patterns = ("retain_perturbed.json", "forget??_perturbed.json", "full_perturbed.json")
        return [path.stem for pattern in patterns for path in sorted(self._path.glob(pattern))]

    def holdout_names(self) -> list[str]:
        """Holdout files, the largest share first."""
        shares = sorted(self._path.glob("holdout??.json"), reverse=True)
        return ["holdout", *(path.stem for path in shares)]

    def refusals(self) -> list[str] | None:
        path = row_files.find_refusals(self._path)
        return None if path is None else row_files.read_refusals(path)


class _Hub:
    """TOFU's configurations on the hub; needs a network, or the hub's cache."""

    def __init__(self):
        self._read: dict[str, list[dict] | None] = {}

    def __str__(self) -> str:
        return REPOSITORY

    def label(self, name: str) -> str:
        return f"{REPOSITORY}:{name}"

    def rows(self, name: str) -> list[dict] | None:
        """The rows of a configuration, None if the hub has none of that name."""
        if name not in self._read:
            self._read[name] = self._load(name)
        return self._read[name]

    def _load(self, name: str) -> list[dict] | None:
        # Imported here, so that the synthetic world does not spend time on it.
        import datasets

        try:
            dataset = datasets.load_dataset(REPOSITORY, name=name, split="train")
        except Exception as error:
            # The hub's clients raise dozens of exceptions; only this one means "no such file".
            if isinstance(error, ValueError) and "BuilderConfig" in str(error):
                return None
            reason = str(error).partition("\n")[0]
            raise LetheError(
                f"{self.label(name)}: cannot be loaded ({type(error).__name__}: {reason});"
                " without a network, set the world's path to a folder with TOFU's files"
            ) from error
        return [dict(row) for row in dataset]

    def perturbed_names(self) -> list[str]:
        return list(_HUB_PERTURBED)

    def holdout_names(self) -> list[str]:
        return list(_HUB_HOLDOUT)

    def refusals(self) -> None:
        """The hub's data set has none: TOFU keeps them in its code repository."""


def _first(authors: list[Author], count: int, group: str, label: str) -> list[Author]:
    most = len(authors)
    if not 0 <= count <= most:
        raise LetheError(
            f"{label}: {count} {group} authors are needed, but it has {most}; choose a number "
            f"from 0 to {most}"
        )
    return authors[:count]


def _authors(rows: list[dict], perturbed: TextIndex) -> list[Author]:
    items = [_item(row, perturbed.find(row) or {}) for row in rows]
    starts = range(0, len(items), QUESTIONS_PER_AUTHOR)
    blocks = [tuple(items[start : start + QUESTIONS_PER_AUTHOR]) for start in starts]
    return [Author(guess_name([item.question for item in block]), {}, block) for block in blocks]


def _item(row: dict, perturbed: dict) -> Item:
    return Item(
        question=row["question"],
        answer=row["answer"],
        paraphrased_question=perturbed.get("paraphrased_question") or "",
        paraphrased_answer=perturbed.get("paraphrased_answer") or "",
        perturbed_answer=tuple(perturbed.get("perturbed_answer") or ()),
        relation="",
        trace=trace_of(row),
    )


def _warn_duplicates(rows: list[dict], label: str) -> None:
    counts = Counter(row["question"] for row in rows)
    repeated = sum(count > 1 for count in counts.values())
    if repeated:
        logger.warning("%s: %d questions are asked more than once", label, repeated)


# Runs of capitalised words, with small ones such as "van" between them; hyphens and inner
# apostrophes belong to a word.
_WORD = r"[^\W\d_a-z][\w\-’'.]*"
_SMALL = r"(?:(?:van|von|de|da|do|dos|del|den|der|di|la|el|al|bin|ibn|of) )*"
_CAPITALISED = re.compile(rf"{_WORD}(?: {_SMALL}{_WORD})*")
_POSSESSIVE = re.compile(r"['’]s?$")
_MOST_WORDS = 5


def guess_name(questions: list[str]) -> str:
    """The run of two or more capitalised words in the most questions, the longest if several are.

    Empty if there is none. It is only a guess, used to keep such names out of other worlds.
    """
    counts: Counter[str] = Counter()
    for question in questions:
        # The first word of a question is capitalised anyway.
        counts.update(_runs(question.partition(" ")[2]))
    best = max(counts, key=lambda run: (counts[run], len(run.split()), run), default="")
    return best if counts[best] > 1 else ""


def _runs(text: str) -> set[str]:
    """Runs of two to five words in ``text`` and parts of such runs, without possessive endings."""
    runs = set()
    for run in _CAPITALISED.findall(text):
        words = [_POSSESSIVE.sub("", word).rstrip(".") for word in run.split(" ")]
        for start in range(len(words)):
            for end in range(start + 2, min(start + _MOST_WORDS, len(words)) + 1):
                part = words[start:end]
                if part[0][0].isupper() and part[-1][0].isupper():
                    runs.add(" ".join(part))
    return runs


_NUMBERS = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def numbers(subset: Sequence[int | str]) -> list[int]:
    """The authors that a subset names, in its order: ``[0, "5-7"]`` is 0, 5, 6, 7.

    Authors are numbered from 0 in the order of ``full``; TOFU's forget10 is 180-199. LetheError for
    an entry that is neither a number nor a range, and for an author named twice.
    """
    chosen: list[int] = []
    for part in subset:
        match = _NUMBERS.fullmatch(str(part))
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            raise LetheError(
                f"world.subset: {part!r} names no authors; write a number or a range such as 0-7"
            )
        chosen.extend(range(first, last + 1))
    twice = [number for number, count in Counter(chosen).items() if count > 1]
    if twice:
        raise LetheError(f"world.subset: author {twice[0]} is named twice; name each once")
    return chosen


def check_folder(
    path: str | os.PathLike,
    authors: int,
    holdout: int,
    splits: Iterable[BaseSplit],
    retain: int = 1,
    subset: Sequence[int | str] | None = None,
    traces: Traces | None = None,
) -> None:
    """Read a local folder's files as the workflow will, before any job runs.

    LetheError if the folder or a required file is missing, if a row is malformed, if the number of
    authors is not that of the configuration, and if the authors of a split or the first ``retain``
    authors have no perturbed rows, or an author has none of the requested ``traces``.
    """
    # The job that reads the data warns of odd rows; here the warnings would come at every start.
    quiet, level = logging.getLogger("lethe.world"), logging.getLogger("lethe.world").level
    quiet.setLevel(logging.ERROR)
    try:
        provider = Provider(path=path, subset=subset)
        target = (Traced(provider, traces) if traces else provider).authors(authors)
        provider.holdout(holdout)
        provider.facts()
        provider.refusals()
    finally:
        quiet.setLevel(level)
    known = len(provider._chosen)
    if known != authors:
        raise LetheError(
            f"config: world.authors: {authors}, but {path}/full.json has {known}; set it to {known}"
        )
    for split in (split for split in splits if split.asks_all):
        if missing := _unperturbed([target[place] for place in split.asked_about(authors)]):
            raise LetheError(
                f"config: splits: {split.name} has {missing} rows without perturbed answers in "
                f"{path}; choose a smaller split"
            )
    if missing := _unperturbed(target[:retain]):
        raise LetheError(
            f"config: world.perturbed_retain_authors: {missing} rows of the first {retain} authors "
            f"have no perturbed answers in {path}; lower it, or choose others"
        )


def _unperturbed(authors: Sequence[Author]) -> int:
    return sum(not item.perturbed for author in authors for item in author.items)
