"""Commands of Python by processes that have loaded what takes long already (python_server)."""

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

# Beginnings of the names of variables that libraries read when they are loaded: a command for which
# one of them has another value than it had for the server cannot be a fork of it.
READ_WHEN_LOADED = (
    "CUBLAS_", "CUDA_", "GOMP_", "HF_", "HOME", "HUGGINGFACE_", "KMP_", "LANG", "LC_", "LD_",
    "MALLOC_", "MPL", "OPENAI_LOG", "PYTHON", "PYTORCH_", "TOKENIZERS_", "TORCH", "TRANSFORMERS_",
    "TZ", "XDG_",
)  # fmt: skip
# Nothing there is of another folder's; and the jobs of a folder compile its modules once.
HIDDEN = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "SNAKEMAKE_PROFILE"}
# But for what torch and `set_up` put there for GPUs and compilers: once a test has loaded a model
# in this process, all later commands inherit it.
SET_WHEN_LOADED = {
    "CUBLAS_WORKSPACE_CONFIG",
    "TORCHINDUCTOR_CACHE_DIR",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
}
# What Snakemake gives its jobs, and what they set before they load torch and transformers.
LOADED_WITH = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "TQDM_DISABLE": "1",
    "USE_HUB_KERNELS": "NO",
}


class Fork:
    """A command of the server's, as `patience` sees a process."""

    def __init__(self, server: subprocess.Popen, arguments: Sequence[str]):
        self.args, self.returncode = ["python", *arguments], None
        self._answers = server.stdout
        self.pid = int(self._answers.readline())

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._answers], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            answer = self._answers.readline()
            assert answer, f"the server of {self.args} was killed"
            self.returncode = int(answer)
        return self.returncode

    def kill(self) -> None:
        psutil.Process(self.pid).kill()


def run(
    arguments: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    umask: int = -1,
    jobs: bool = True,
) -> subprocess.CompletedProcess:
    """As `patience.run` of ``python`` with these arguments, which it is where no fork can be.

    ``jobs``: it loads more than Snakemake does for a plan, itself or in its jobs.
    """
    if _same_libraries(env):
        return _forked(_server(jobs), arguments, cwd, env, umask)
    if jobs and tuple(arguments[:2]) == ("-m", "snakemake"):
        # Its many jobs are worth a server that has loaded libraries in their environment.
        with _start(env, jobs=True) as server:
            return _forked(server, arguments, cwd, env, umask)
    return patience.run([sys.executable, *arguments], cwd=cwd, env=env, umask=umask)


def _forked(
    server: subprocess.Popen,
    arguments: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    umask: int,
) -> subprocess.CompletedProcess:
    command = [sys.executable, *arguments]
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", errors="replace") as printed:
        request = {
            "folder": str(cwd),
            "arguments": list(arguments),
            "environment": dict(env),
            "umask": umask,
            "printed": printed.name,
        }
        try:
            server.stdin.write(json.dumps(request).encode() + b"\n")
            fork = Fork(server, arguments)
        except (OSError, ValueError):
            # It could not load what it should, or was killed.
            return patience.run(command, cwd=cwd, env=env, umask=umask)
        patience.wait(fork)
        return subprocess.CompletedProcess(command, fork.returncode, printed.read())


def _same_libraries(env: Mapping[str, str]) -> bool:
    """Whether libraries would be loaded in this environment as in that of the server."""
    ours = _environment()
    names = {name for name in {*env, *ours} if name.startswith(READ_WHEN_LOADED)}
    names -= SET_WHEN_LOADED
    return all(env.get(name) == ours.get(name) for name in names)


@cache
def _environment() -> dict[str, str]:
    """The tests' own when a server is first asked for."""
    return {key: value for key, value in os.environ.items() if key not in HIDDEN}


@cache
def _server(jobs: bool) -> subprocess.Popen:
    return _start(_environment(), jobs)


def _start(env: Mapping[str, str], jobs: bool) -> subprocess.Popen:
    """It ends when this process does: nobody is left to write to it."""
    return subprocess.Popen(
        [sys.executable, Path(__file__).with_name("python_server.py"), *(["jobs"] * jobs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # A line that was read ahead would be hidden from `select`.
        bufsize=0,
        env={**env, **LOADED_WITH},
    )
