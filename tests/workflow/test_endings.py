"""Runs that are killed or asked to end: in one line, nothing left at work, nothing locked."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from helpers.workflow_folder import PRESET, ROOT, Folder, sources

BASE = "results/smoke/micro/base/model.safetensors"
# A training that lasts until the signal is there, however late that comes; what runs to its end
# takes the preset's.
ENDLESS = "model_settings={micro: {pretrain: {epochs: 1000}}}"
OPTIONS = ("--cores", "2", "--config", "threads={base: 2}", ENDLESS)
# What a job says of its training, which it may do until it has the signal too.
PROGRESS = re.compile(r" *base: step \d+ of \d+, loss [\d.]+, \d+ s(, about \d+ s left)?")
NOTES = ".snakemake/lethe_runs"
# Not the hidden file that a note is until it is whole.
NAMED = "[!.]*.json"


class Run:
    """The workflow in a session of its own, as a terminal has it; what it prints in a file."""

    def __init__(self, folder: Folder, *targets: str):
        self.screen = folder.path.parent / "screen"
        with open(self.screen, "w") as screen:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", *targets, *OPTIONS, "--configfile", PRESET],
                cwd=folder.path,
                # A suite that runs in the background ignores Ctrl-C, and so would all it starts.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                start_new_session=True,
                stdout=screen,
                stderr=screen,
            )
        self.seen: set[psutil.Process] = set()

    def below(self) -> list[str]:
        """The command lines of the processes that it started, directly or not."""
        with suppress(psutil.Error):
            self.seen |= set(psutil.Process(self.process.pid).children(recursive=True))
        return [line for process in self.seen if (line := _line(process))]

    def until(self, condition: Callable[[list[str]], bool]) -> None:
        """Wait for something to be so; however long that takes, it must be before the end."""
        while not condition(self.below()):
            assert self.process.poll() is None, self.text()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)

    def ended(self) -> str:
        """What was printed, after it and all that it started have ended."""
        self.process.wait()
        psutil.wait_procs(self.seen)
        return self.text()

    def text(self) -> str:
        return self.screen.read_text(encoding="utf-8")


def _line(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def jobs(lines: list[str], name: str) -> int:
    return sum(".snakemake/scripts/" in line and line.endswith(f".{name}.py") for line in lines)


@pytest.fixture
def folder(data, tmp_path) -> Folder:
    return data.copy(tmp_path / "folder")


def is_unlocked(folder: Folder) -> bool:
    return not list((folder / ".snakemake").glob("locks/*.lock"))


BLOWS = {
    "Ctrl-C": (signal.SIGINT, os.killpg),
    "SIGTERM to snakemake alone": (signal.SIGTERM, os.kill),
}


@pytest.mark.parametrize("name", BLOWS)
@pytest.mark.parametrize(("processes", "when"), [(1, "begins"), (4, "is at work in two processes")])
def test_a_run_that_is_asked_to_end_does_so_in_one_line(folder, name, processes, when):
    number, send = BLOWS[name]
    run = Run(folder, BASE)
    # One of the job, torch's launcher, and two at work.
    run.until(lambda lines: jobs(lines, "base") >= processes)
    send(run.process.pid, number)
    said = run.ended().partition(signal.Signals(number).name)[2].splitlines()
    told = [line for line in said if line and not PROGRESS.fullmatch(line)]
    line = ": jobs are ended (trainings save their state first); run the same command again"
    assert told == [line], said
    assert run.process.returncode != 0
    assert is_unlocked(folder)
    assert folder.planned(BASE) == {"base"}


def test_a_run_that_was_killed_leaves_nothing_at_work_and_nothing_locked(folder):
    run = Run(folder, BASE)
    run.until(lambda lines: jobs(lines, "base") >= 4)
    run.process.kill()
    run.ended()
    assert not is_unlocked(folder)
    # A dry run looks on.
    assert folder.planned(BASE) == {"base"}
    assert not is_unlocked(folder)
    assert folder.run(BASE).jobs == {"base"}
    assert is_unlocked(folder)
    assert list((folder / NOTES).glob(NAMED)) == []


@pytest.fixture
def locked(data, tmp_path) -> Folder:
    """As a run leaves it that was killed while it planned to make the base."""
    folder = data.copy(tmp_path / "folder")
    run = Run(folder, BASE)
    run.until(lambda lines: bool(list((folder / NOTES).glob(NAMED))))
    run.process.kill()
    run.ended()
    return folder


def edited(folder: Folder, **differs) -> None:
    (note,) = (folder / NOTES).glob(NAMED)
    said = json.loads(note.read_text())
    said["process"] |= differs
    note.write_text(json.dumps(said))


def test_what_is_locked_from_another_host_stays_so_in_one_line(locked):
    edited(locked, host="elsewhere")
    outcome = locked.snakemake(BASE)
    assert outcome.code != 0
    assert "Traceback" not in outcome.output
    assert len(outcome.errors) == 1, outcome.end
    assert "on elsewhere" in outcome.errors[0]
    assert "make sure" in outcome.errors[0]
    assert "--unlock" in outcome.errors[0]
    # What the line advises works.
    assert locked.snakemake("--unlock").code == 0
    assert locked.run(BASE).jobs == {"base"}


def test_what_is_locked_without_a_note_stays_so(locked):
    for note in (locked / NOTES).glob(NAMED):
        note.unlink()
    outcome = locked.snakemake(BASE)
    assert outcome.code != 0
    assert "by an unknown process" in "".join(outcome.errors)
    assert not is_unlocked(locked)


def test_two_runs_beside_each_other_keep_their_locks(data, tmp_path):
    """The second makes other files; the first is stopped, so that it surely is there."""
    folder = data.copy(tmp_path / "folder")
    first = Run(folder, BASE)
    first.until(lambda lines: bool(list((folder / NOTES).glob(NAMED))))
    os.killpg(first.process.pid, signal.SIGSTOP)
    outcome = folder.snakemake(BASE)
    assert outcome.code != 0
    assert "is at work on these files" in "".join(outcome.errors), outcome.end
    assert not is_unlocked(folder)
    os.killpg(first.process.pid, signal.SIGKILL)
    first.ended()
    assert folder.run(BASE).jobs == {"base"}


def test_sources_of_a_fresh_clone_have_no_notes(tmp_path):
    assert not (sources(tmp_path / "clone") / ".snakemake").exists()


# The handler alone, around loops whose tasks hardly leave asyncio's own code.
INTERRUPTED = """
import asyncio, os, random, signal, sys, threading, time
source = open("workflow/rules/ending.smk").read()
exec(source[: source.index("def without_traceback")])
ending, draws = Ending(), random.Random(0)
ending.asked = True  # No jobs to be ended.
threading.Thread(target=ending.end_jobs, daemon=True).start()
signal.signal(signal.SIGINT, ending)

async def tasks(depth):
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(tasks(depth - 1) if depth else asyncio.sleep(0))

async def plan():
    threading.Timer(draws.random() / 50, os.kill, (os.getpid(), signal.SIGINT)).start()
    while True:
        await tasks(4)

def tear_down(runner):
    runner.close()

for _ in range(20):
    runner = asyncio.Runner()
    try:
        try:
            runner.run(plan())
        finally:
            tear_down(runner)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def test_an_interrupt_loses_no_step_of_a_task():
    """Else the run would wait for that task forever, with everything unlocked and nothing said."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["interrupted"] * 20, done.stderr


def test_the_demo_waits_for_its_workflow(tmp_path):
    """Ctrl-C reaches both: the workflow ends its jobs and unlocks before the demo ends."""
    folder = sources(tmp_path / "folder")
    call = "import sys; sys.path.insert(0, 'src'); from lethe.cli.demo import main; main()"
    screen = tmp_path / "screen"
    with open(screen, "w") as file:
        demo = subprocess.Popen(
            [sys.executable, "-c", call],
            cwd=folder.path,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            start_new_session=True,
            stdout=file,
            stderr=file,
        )
    while not list(Path(folder / NOTES).glob(NAMED)):
        assert demo.poll() is None, screen.read_text()
        with suppress(subprocess.TimeoutExpired):
            demo.wait(0.05)
    os.killpg(demo.pid, signal.SIGINT)
    assert demo.wait() != 0
    assert is_unlocked(folder)
    assert "Traceback" not in screen.read_text()
    assert screen.read_text().count("run the same command again") == 1
