"""The smoke preset, killed at random moments: nothing is lost, and it ends in the same bytes.

.venv/bin/pytest -m slow tests/workflow/test_kills.py
"""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest
import yaml
from helpers.workflow_folder import PRESET, Folder, sources, without_costs

pytestmark = pytest.mark.slow

KILLS = 30
# A state after every step, so that there is something to go on from in jobs of seconds.
OVERLAY = {"compute": {"save_seconds": 0}}
PATTERNS = ("checkpoint.json", "metrics/*.json", "records/*.json", "tables/*", "data/*")


def start(folder: Folder, overlay) -> subprocess.Popen:
    """The workflow in a session of its own; killed runs leave their lock."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--nolock", "--configfile"]
    return subprocess.Popen(
        [*command, PRESET, str(overlay)],
        cwd=folder.path,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def jobs_of(process: subprocess.Popen) -> list[psutil.Process]:
    """The scripts that it runs now."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [c for c in children if ".snakemake/scripts/" in " ".join(c.cmdline()[1:2])]
    except psutil.Error:
        return []


def worked(process: subprocess.Popen) -> float:
    """Processor seconds of the script that has worked longest; of a machine at rest or a busy one.

    The first four or so go into imports.
    """
    spent = [0.0]
    for job in jobs_of(process):
        with suppress(psutil.Error):
            spent.append(sum(job.cpu_times()[:2]))
    return max(spent)


def strike(process: subprocess.Popen, draw: random.Random) -> str | None:
    """Let a script work for a while; then one script or all of it is killed. None: it had ended."""
    patience = draw.uniform(0, 6)
    while process.poll() is None and worked(process) < patience:
        time.sleep(0.05)
    kind, number = draw.choice(["script", "all"]), draw.choice([signal.SIGKILL, signal.SIGTERM])
    found = jobs_of(process)
    if process.poll() is not None:
        return None
    if kind == "script" and found:
        with suppress(psutil.Error):
            found[0].send_signal(number)
        process.wait()
    else:
        os.killpg(process.pid, number)
        process.wait()
        # Snakemake, asked to end, may end before its scripts do.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return f"{kind} {number.name}"


def killed(folder: Folder, overlay, times: int, draw: random.Random) -> list[str]:
    """Start the workflow over and over, and kill it each time while there is something to do."""
    struck: list[str] = []
    while len(struck) < times:
        process = start(folder, overlay)
        blow = strike(process, draw)
        if process.returncode == 0:
            break
        assert blow is not None, "it failed of itself"
        struck.append(blow)
    return struck


def test_thirty_kills_lose_nothing(home, tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(OVERLAY), encoding="utf-8")
    struck, draw = [], random.Random(0)
    while len(struck) < KILLS:
        # A workflow that came to its end in spite of some has no more to lose; another begins.
        folder = sources(tmp_path / f"after{len(struck)}")
        struck += killed(folder, overlay, KILLS - len(struck), draw)
        folder.run("--nolock", overlay=OVERLAY)
        for pattern in PATTERNS:
            there, here = (without_costs(f.results(pattern), pattern) for f in (home, folder))
            assert there
            assert here.keys() == there.keys()
            assert [name for name in there if here[name] != there[name]] == [], struck
        assert not list((folder.path / "results").glob(".job-*"))
