"""Dry runs by one process that has loaded Snakemake already (snakemake_server)."""

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import psutil

from helpers import patience


class Fork:
    """A dry run of the server's, as `patience` sees a process."""

    def __init__(self, server: subprocess.Popen, arguments: Sequence[str]):
        self.args, self.returncode = ["snakemake", *arguments], None
        self._answers = server.stdout
        self.pid = int(self._answers.readline())

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._answers], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = int(self._answers.readline())
        return self.returncode

    def kill(self) -> None:
        psutil.Process(self.pid).kill()


def dry_run(
    folder: Path, arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[int, str]:
    """Exit code and all that ``snakemake`` printed, which must be asked to run nothing."""
    assert "-n" in arguments
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as printed:
        server = _server()
        request = {
            "folder": str(folder),
            "arguments": list(arguments),
            "environment": dict(environment),
            "printed": printed.name,
        }
        server.stdin.write(json.dumps(request).encode() + b"\n")
        fork = Fork(server, arguments)
        patience.wait(fork)
        return fork.returncode, printed.read()


@cache
def _server() -> subprocess.Popen:
    """It ends when this process does: nobody is left to write to it."""
    return subprocess.Popen(
        [sys.executable, Path(__file__).with_name("snakemake_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A line that was read ahead would be hidden from `select`.
        bufsize=0,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
