"""Waiting for processes on a machine that may be busy: what counts is work, not time.

A limit in seconds is reached by a loaded machine as well as by a process that hangs. Here a process
is given up when it and all that it started have used no processor for long, or far too much of it.
"""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

# Seconds between two looks, looks at a process that does nothing until it counts as hung, and
# processor seconds after which it counts as running in circles: the longest here take about 120.
LOOK, IDLE_LOOKS, SPENT = 1.0, 600, 3600.0


class Hung(AssertionError):
    """A process did nothing for long, or worked without an end; it has been killed."""


def run(
    command: Sequence[str | Path],
    *,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    umask: int = -1,
    look: float = LOOK,
    idle_looks: int = IDLE_LOOKS,
    spent: float = SPENT,
) -> subprocess.CompletedProcess:
    """Run a command to its end; its ``stdout`` is all that it printed, errors included, as text.

    Hung if it, with its children, has not worked at any of ``idle_looks`` looks in a row, or for
    more than ``spent`` processor seconds.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as printed:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=cwd,
            env=env,
            umask=umask,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        wait(process, look, idle_looks, spent)
        printed.seek(0)
        return subprocess.CompletedProcess(process.args, process.returncode, printed.read())


def wait(
    process: subprocess.Popen,
    look: float = LOOK,
    idle_looks: int = IDLE_LOOKS,
    spent: float = SPENT,
) -> None:
    """Wait for the end of a process that prints little; kill it if it hangs (Hung), as ``run``."""
    try:
        _watch(process, look, idle_looks, spent)
    finally:
        _kill(process)


def _watch(process: subprocess.Popen, look: float, idle_looks: int, spent: float) -> None:
    idle, before = 0, -1.0
    while True:
        try:
            process.wait(look)
            return
        except subprocess.TimeoutExpired:
            now = worked(process.pid)
        idle = idle + 1 if now == before else 0
        before = now
        if idle >= idle_looks:
            raise Hung(f"{process.args} does nothing")
        if now > spent:
            raise Hung(f"{process.args} has worked for {now:.0f} s")


def worked(pid: int) -> float:
    """Processor seconds of a process, of its children that ended and of those that run."""
    total = 0.0
    try:
        process = psutil.Process(pid)
        for member in (process, *process.children(recursive=True)):
            total += sum(member.cpu_times()[:4])
    except psutil.Error:
        # One ended between the look and the question: the next look counts it with its parent.
        return total
    return total


def _kill(process: subprocess.Popen) -> None:
    """Kill what still runs of a process and its children."""
    if process.poll() is not None:
        return
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    process.wait()
