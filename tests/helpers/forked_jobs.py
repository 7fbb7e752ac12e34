"""Snakemake's jobs as forks of a process that has loaded what they need.

For a Snakemake that is itself a fork of the server's (python_server): before it begins it forks a
child, which forks each job's script on demand. A job is thus a descendant of its Snakemake, as one
that is started plainly. Jobs that cannot be like their plain selves, such as those with several
threads or an environment of conda, are started plainly.
"""

import atexit
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

from snakemake.script import ScriptBase

# A description of a job, its environment included, is some kilobytes.
LARGEST = 200_000
# As Snakemake sets them; libraries that were loaded with another number would ignore them.
THREADS = ("OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR")


def fork_jobs(start: Callable[[list[str]], None]) -> None:
    """From here on the scripts of jobs are forks; ``start`` goes on as a Python of its own."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server = os.fork()
    if not server:
        ours.close()
        _serve(theirs, start)
    theirs.close()
    atexit.register(_end, ours, server)
    plainly = ScriptBase._execute_cmd

    def execute(script, command: str, **how) -> None:
        code = _fork(ours, script, how["fname"]) if _can_fork(script, how) else None
        if code is None:
            plainly(script, command, **how)
        elif code:
            raise subprocess.CalledProcessError(code, command)

    ScriptBase._execute_cmd = execute


def _end(server: socket.socket, process: int) -> None:
    """Leave no process behind; its time then counts as this one's."""
    server.close()
    os.waitpid(process, 0)


def _can_fork(script, how: dict) -> bool:
    return (
        how.get("py_exec") == sys.executable
        and script.threads == 1
        and script.bench_record is None
        and not (script.conda_env or script.container_img or script.env_modules)
    )


def _fork(server: socket.socket, script, file: str) -> int | None:
    """Run a job's script; its exit code, or None if there is no server any more."""
    environment = {**os.environ, **{f"{name}_NUM_THREADS": "1" for name in THREADS}}
    environment["VECLIB_MAXIMUM_THREADS"] = "1"
    place = script.resources.get("tmpdir")
    if place:
        environment |= dict.fromkeys(("TMPDIR", "TMP", "TEMPDIR", "TEMP"), str(place))
    answer, write = os.pipe()
    request = json.dumps({"file": file, "folder": os.getcwd(), "environment": environment})
    try:
        socket.send_fds(server, [request.encode()], [write])
    except OSError:
        os.close(write)
        os.close(answer)
        return None
    os.close(write)
    with os.fdopen(answer) as answers:
        said = answers.read()
    return int(said) if said else None


def _serve(asked: socket.socket, start: Callable[[list[str]], None]) -> None:
    """Fork jobs until nobody can ask; it is left by the jobs alone, at their end."""
    running: dict[int, tuple[int, int]] = {}
    while True:
        for handle in select.select([asked, *running], [], [])[0]:
            if handle is not asked:
                _tell(*running.pop(handle))
                os.close(handle)
                continue
            request, handles, _, _ = socket.recv_fds(asked, LARGEST, 1)
            if not request:
                os._exit(0)
            job = os.fork()
            if not job:
                asked.close()
                for other, (_, answer) in running.items():
                    os.close(other)
                    os.close(answer)
                os.close(handles[0])
                _job(**json.loads(request), start=start)
            running[os.pidfd_open(job)] = job, handles[0]


def _tell(job: int, answer: int) -> None:
    """The exit code, as a shell's Popen has it."""
    code = os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])
    # Nobody may listen any more.
    with suppress(BrokenPipeError):
        os.write(answer, str(code).encode())
    os.close(answer)


def _job(file: str, folder: str, environment: dict[str, str], start) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    start([file])
