"""A working folder of the workflow in which tests plan, run and edit."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from helpers import forked_runs, patience

ROOT = Path(__file__).parents[2]
PRESET = "config/smoke.yaml"
# A block of Snakemake's output for one job: its rule, then indented lines.
_JOB = re.compile(r"^(?:local)?rule (\w+):\n((?: {4}.*\n)*)", re.MULTILINE)
_WILDCARDS = re.compile(r"^ {4}wildcards: (.*)$", re.MULTILINE)

# What no test edits in a copy, so that copies are links to the same files.
SHARED = {"benchmarks", "docs", "tests"}

# The tables of what jobs cost: seconds, which differ from run to run.
COSTS = {"tables/cost.csv", "tables/cost.md"}


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and all that it printed."""

    code: int
    output: str

    @property
    def jobs(self) -> set[str]:
        """The jobs planned or run: ``score[forget10,npo,0,rouge]``; the one model is left out."""
        found = []
        for rule, block in _JOB.findall(self.output):
            match = _WILDCARDS.search(block)
            pairs = [pair.split("=", 1) for pair in match[1].split(", ")] if match else []
            values = ",".join(value for key, value in pairs if key != "model")
            found.append(f"{rule}[{values}]" if values else rule)
        assert len(found) == len(set(found)), "two jobs of the same name"
        return set(found)

    @property
    def errors(self) -> list[str]:
        return [line for line in self.output.splitlines() if line.startswith("error")]

    @property
    def end(self) -> str:
        return self.output[-4000:]


class Folder:
    """A working folder: sources, and perhaps results."""

    def __init__(self, path: Path, preset: str = PRESET):
        self.path, self.preset = Path(path), preset
        # Variables of the environment, beside those of the tests; and the umask, -1: the tests'.
        self.environment: dict[str, str] = {}
        self.umask = -1
        # Whether commands are processes of their own, as a user's, and not forks (forked_runs).
        self.plain = False

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def snakemake(
        self,
        *arguments: str,
        overlay: dict | None = None,
        cores: int = 2,
        preset: str | None = None,
    ) -> Outcome:
        """Run the folder's preset, or another, with ``overlay`` laid over its settings."""
        presets = [preset or self.preset]
        if overlay:
            # Beside the folder, not in it, and one for each process: a folder that only plans can
            # then be shared.
            laid = self.path.parent / f"{self.path.name}_overlay_{os.getpid()}.yaml"
            laid.write_text(yaml.safe_dump(overlay), encoding="utf-8")
            presets.append(str(laid))
        command = [*arguments, "--cores", str(cores), "--configfile", *presets]
        return self._python("-m", "snakemake", *command)

    def run(self, *arguments: str, overlay: dict | None = None, cores: int = 2) -> Outcome:
        """A real run that must succeed."""
        outcome = self.snakemake(*arguments, overlay=overlay, cores=cores)
        assert outcome.code == 0, outcome.end
        return outcome

    def planned(
        self, *arguments: str, overlay: dict | None = None, preset: str | None = None
    ) -> set[str]:
        """The jobs that a dry run lists."""
        outcome = self.snakemake("-n", *arguments, overlay=overlay, preset=preset)
        assert outcome.code == 0, outcome.end
        # Both must say so, lest an output that is not understood pass for an empty plan.
        assert ("Nothing to be done" in outcome.output) == (not outcome.jobs), outcome.end
        return outcome.jobs

    def lethe(self, *arguments: str) -> Outcome:
        """The command line ``lethe`` of this folder's source."""
        call = "import sys; sys.path.insert(0, 'src'); from lethe.cli.main import main; main()"
        return self._python("-c", call, *arguments)

    def copy(self, destination: Path) -> "Folder":
        """All of it, records and times of modification included."""
        destination.mkdir()
        # In a third of the time that shutil takes for two thousand files.
        for how, edited in (("-a", True), ("-al", False)):
            names = self._names(edited)
            if names:
                command = ["cp", how, "--", *names, destination.resolve()]
                subprocess.run(command, cwd=self.path, check=True)
        return Folder(destination, self.preset)

    def _names(self, edited: bool) -> list[str]:
        """Top-level names, of what tests edit in a copy or of what copies may share."""
        return sorted(p.name for p in self.path.iterdir() if (p.name not in SHARED) == edited)

    def replace(self, name: str, old: str, new: str) -> None:
        """Edit a file at one place; the place must be there."""
        text = (self / name).read_text(encoding="utf-8")
        assert text.count(old) >= 1, f"{name} has no {old!r}"
        (self / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    def append(self, name: str, text: str) -> None:
        with open(self / name, "a", encoding="utf-8") as file:
            file.write(text)

    def results(self, pattern: str) -> dict[str, bytes]:
        """Content of the results that match, by name."""
        top = self / "results/smoke"
        files = sorted(file for file in top.rglob(pattern) if file.is_file())
        return {file.relative_to(top).as_posix(): file.read_bytes() for file in files}

    def _environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if k not in forked_runs.HIDDEN}
        return inherited | self.environment

    def _python(self, *arguments: str) -> Outcome:
        how = {"cwd": self.path, "env": self._environment(), "umask": self.umask}
        if self.plain:
            done = patience.run([sys.executable, *arguments], **how)
        else:
            # A dry run loads Snakemake alone.
            done = forked_runs.run(arguments, **how, jobs="-n" not in arguments)
        return Outcome(done.returncode, done.stdout)


def without_costs(results: dict[str, bytes], pattern: str) -> dict[str, bytes]:
    """Results that matched ``pattern``, but the tables of costs, which must be among tables."""
    assert results.keys() & COSTS == (COSTS if pattern == "tables/*" else set())
    return {name: content for name, content in results.items() if name not in COSTS}


def sources(destination: Path, preset: str = PRESET) -> Folder:
    """The repository's files, as a fresh clone has them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    for name in filter(None, listed.stdout.split("\0")):
        # A file deleted but not yet committed is listed as well.
        if (ROOT / name).is_file():
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, destination / name)
    return Folder(destination, preset)
