"""Whether two states of the code give the same results, byte for byte, but for what was renamed.

    .venv/bin/python benchmarks/same_results.py OLD NEW [WORLD ...]

OLD and NEW are the folders ``results`` of the two states, computed on one machine; WORLD limits the
comparison to some of the folders in NEW. Old paths and texts are renamed as two tables of
docs/renamed.md say, and digests of renamed files in the record beside them follow; then every file
must be there on both sides with the same bytes. What is left out is listed at the end. Digests of
code are not among results, but in ``.snakemake``.

The exit status is 1 if a file differs or is on one side alone, or if a world has no record, no
metric, or neither table nor exhibit.
"""

import argparse
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from xxhash import xxh3_128_digest, xxh3_128_hexdigest

PAGE = Path(__file__).parents[1] / "docs" / "renamed.md"
PATHS, TEXTS = "Paths of results", "Texts in files of results"
# In patterns a star matches slashes too; the first pattern that matches decides.
LEFT_OUT = {
    "*/cost/*": "time and memory of each job",
    "*/tables/cost.*": "the table of them",
    "logs/*": "what jobs say while they run",
    "benchmarks/*": "what Snakemake measures",
    "report.*": "Snakemake's report, which has its date",
    "README.md": "no result, but a file of the repository",
    ".job-*": "working folders of jobs that have not finished",
}
KINDS = {
    "record": "*/records/*.json",
    "metric": "*/metrics/*.json",
    "table": "*/tables/*",
    "figure": "*/figures/*",
    "exhibit": "*/paper/*",
    "study": "studies/*",
    "data": "*/data/*",
    "weights": "*.safetensors",
    "other": "*",
}
# Without one of each nothing has been shown.
NEEDED = (("record",), ("metric",), ("table", "exhibit"))
# Results that belong to no world.
NO_WORLD = "studies"
CONTEXT = 30
RECORD = "checkpoint.json"


@dataclass(frozen=True)
class Renaming:
    """What docs/renamed.md says of results: prefixes of paths, and texts in files of a pattern."""

    paths: list[list[str]]
    texts: list[list[str]]

    @classmethod
    def of_page(cls, text: str) -> "Renaming":
        """Read the two tables of a page; ValueError if one is missing or a row is incomplete."""
        return cls(table(text, PATHS, 2), table(text, TEXTS, 3))

    def path(self, path: str) -> str:
        """The new path of an old result."""
        for old, new in self.paths:
            path = new + path.removeprefix(old) if path.startswith(old) else path
        return path

    def content(self, path: str, content: bytes) -> bytes:
        """The new bytes of an old result, which has that new path."""
        for pattern, old, new in self.texts:
            if fnmatchcase(path, pattern):
                content = content.replace(old.encode(), new.encode())
        return content

    def renamed(self, file: Path, path: str) -> bytes:
        """The new bytes of an old file; a checkpoint's record has the digests of renamed files."""
        content = self.content(path, file.read_bytes())
        for beside in file.parent.glob("*.json") if file.name == RECORD else ():
            before = beside.read_bytes()
            after = self.content(str(Path(path).with_name(beside.name)), before)
            for old, new in zip(digests(before), digests(after), strict=True):
                content = content.replace(old.encode(), new.encode())
        return content


def digests(content: bytes) -> tuple[str, str]:
    """Both digests by which a checkpoint's record knows a file of at most one block."""
    return hashlib.sha256(content).hexdigest(), xxh3_128_hexdigest(xxh3_128_digest(content))


def table(text: str, title: str, columns: int) -> list[list[str]]:
    """The rows of the table below a title; a cell is one text in backquotes, \\| a bar in it."""
    below = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^\|.*\|$", below[1], re.MULTILINE)[2:] if below else []
    if not lines:
        raise ValueError(f"{PAGE.name}: no table below the title '{title}'")
    rows = [re.findall(r"`([^`]+)`", line.replace(r"\|", "|")) for line in lines]
    for line, row in zip(lines, rows, strict=True):
        if len(row) != columns:
            raise ValueError(f"{PAGE.name}, {title}: not {columns} texts in backquotes: {line}")
    return rows


@dataclass
class Outcome:
    """How many files of each (world, kind) were compared, and what is wrong with which."""

    compared: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    @property
    def worlds(self) -> list[str]:
        return sorted({world for world, _ in self.compared | self.wrong})

    def add(self, path: str, fault: str | None) -> None:
        """Count a file, by its new path."""
        place = (path.partition("/")[0], kind_of(path))
        self.compared[place] += 1
        if fault is not None:
            self.wrong[place] += 1
            self.faults.append(f"{path}: {fault}")

    def missing(self, worlds: list[str]) -> Iterator[str]:
        """What has not been shown, as nothing of it was there."""
        for world in worlds or self.worlds or ["results"]:
            for kinds in NEEDED if world != NO_WORLD else ():
                if not any(self.compared[world, kind] for kind in kinds):
                    yield f"{world}: no {' or '.join(kinds)} on either side"


def kind_of(path: str) -> str:
    return next(kind for kind, pattern in KINDS.items() if fnmatchcase(path, pattern))


def is_compared(path: str, worlds: list[str]) -> bool:
    """Whether a new path is of one of the worlds (none: all), and not left out."""
    left_out = any(fnmatchcase(path, pattern) for pattern in LEFT_OUT)
    return not left_out and (not worlds or path.partition("/")[0] in worlds)


def files(folder: Path) -> list[str]:
    """Paths in a folder, relative to it."""
    return [str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()]


def compare(old: Path, new: Path, renaming: Renaming, worlds: list[str]) -> Outcome:
    """Hold each file of one folder against that of the other."""
    before = {renaming.path(path): path for path in files(old)}
    outcome, after = Outcome(), set(files(new))
    for path in sorted(before.keys() | after):
        if not is_compared(path, worlds):
            continue
        if path not in after:
            outcome.add(path, f"only in {old}")
        elif path not in before:
            outcome.add(path, f"only in {new}")
        else:
            content = renaming.renamed(old / before[path], path)
            outcome.add(path, difference(content, (new / path).read_bytes()))
    return outcome


def difference(old: bytes, new: bytes) -> str | None:
    """The first difference, with what is around it; None if there is none."""
    if old == new:
        return None
    pairs = enumerate(zip(old, new, strict=False))
    at = next((i for i, (a, b) in pairs if a != b), min(len(old), len(new)))
    around = [side[max(0, at - CONTEXT) : at + CONTEXT] for side in (old, new)]
    return f"differs from byte {at} on: {around[0]!r} is {around[1]!r}"


def print_outcome(outcome: Outcome) -> None:
    print(f"{'world':<16}{'kind':<9}{'compared':>9}{'wrong':>7}")
    for world in outcome.worlds:
        for kind in KINDS:
            if count := outcome.compared[world, kind]:
                print(f"{world:<16}{kind:<9}{count:>9}{outcome.wrong[world, kind]:>7}")
    print("left out:")
    for pattern, what in LEFT_OUT.items():
        print(f"  {pattern:<16}{what}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("old", type=Path, help="results of the older state of the code")
    parser.add_argument("new", type=Path, help="results of the newer state of the code")
    parser.add_argument("worlds", nargs="*", metavar="WORLD", help="a folder in NEW; all if none")
    given = parser.parse_args()
    renaming = Renaming.of_page(PAGE.read_text(encoding="utf-8"))
    outcome = compare(given.old, given.new, renaming, given.worlds)
    print_outcome(outcome)
    faults = [*outcome.faults, *outcome.missing(given.worlds)]
    for fault in faults:
        print(fault)
    print("NOT the same" if faults else "the same")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
