"""A process that has loaded the libraries of jobs, of which each job of one thread is a fork.

    python fork_server.py FOLDER MODULE ...

Loading torch and transformers takes four seconds of CPU time, about as long as the work of a small
job. It listens at the socket FOLDER/jobs for scripts/fork_client.py, which is the job as far as
Snakemake is concerned, and ends, with its jobs, when its standard input does: that is a pipe which
the run holds. Lethe itself is never loaded here: a job runs the code that it finds.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType

# A request with its environment is some kilobytes.
LARGEST = 200_000
# prctl: the signal that a process gets when its parent ends, and its name in lists of processes.
DEATH_SIGNAL, NAME = 1, 15


class Server:
    """Forks jobs, and passes signals to them and their exit codes back."""

    def __init__(self, folder: Path):
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        hidden = folder / ".jobs"
        self.listening.bind(str(hidden))
        self.listening.listen(128)
        # Its final name only now, since a client may knock as soon as it sees that.
        hidden.rename(folder / "jobs")
        # The client of each job by the job's pidfd, and the job of each client.
        self.clients: dict[int, socket.socket] = {}
        self.jobs: dict[socket.socket, int] = {}

    def serve(self) -> None:
        """Serve until the run and its jobs have ended."""
        run = [sys.stdin]
        while run or self.clients:
            watched = [*run, *self.clients, *self.jobs, *([self.listening] if run else [])]
            for ready in select.select(watched, [], [])[0]:
                if ready is sys.stdin:
                    run = []
                    for client in self.jobs:
                        self._kill(client, signal.SIGTERM)
                elif ready is self.listening:
                    self._begin()
                elif ready in self.clients:
                    self._end(ready)
                elif ready in self.jobs:
                    self._pass_on(ready)

    def _begin(self) -> None:
        client, _ = self.listening.accept()
        peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        if struct.unpack("3i", peer)[1] != os.getuid():
            client.close()
            return
        request, streams, _, _ = socket.recv_fds(client, LARGEST, 3)
        if len(streams) != 3:
            client.close()
            return
        server, job = os.getpid(), os.fork()
        if not job:
            self._close()
            client.close()
            run(server, streams, **json.loads(request))
        for stream in streams:
            os.close(stream)
        client.send(b"begun")
        handle = os.pidfd_open(job)
        self.clients[handle], self.jobs[client] = client, job

    def _close(self) -> None:
        """Close, in a job, what belongs to the server and to other jobs."""
        for handle in self.clients:
            os.close(handle)
        for client in self.jobs:
            client.close()
        self.listening.close()

    def _end(self, handle: int) -> None:
        client = self.clients.pop(handle)
        status = os.waitpid(self.jobs.pop(client), 0)[1]
        os.close(handle)
        with suppress(OSError):
            client.send(str(os.waitstatus_to_exitcode(status)).encode())
        client.close()

    def _pass_on(self, client: socket.socket) -> None:
        """Pass on the signals whose numbers a client sends; if it was killed, kill its job."""
        number = client.recv(LARGEST)
        self._kill(client, int(number) if number else signal.SIGKILL)
        if not number:
            # Not to be polled again: a closed socket is always ready.
            job = self.jobs.pop(client)
            handle = next(key for key, known in self.clients.items() if known is client)
            os.waitpid(job, 0)
            del self.clients[handle]
            os.close(handle)
            client.close()

    def _kill(self, client: socket.socket, number: int) -> None:
        # It has not been waited for, so no other process can have its id.
        os.kill(self.jobs[client], number)


def run(server: int, streams, folder: str, umask: int, environment: dict, script: str) -> None:
    """Run a job's script, to the end of this process."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    control = ctypes.CDLL(None).prctl
    control(DEATH_SIGNAL, signal.SIGTERM)
    control(NAME, Path(script).suffixes[-2][1:].encode())
    if os.getppid() != server:
        sys.exit(1)
    os.chdir(folder)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    # Functions that a library registered when it was loaded.
    tempfile.tempdir = None
    sys.path[0], sys.argv = os.path.dirname(script), [script]
    end(_run_main, script)


def _run_main(script: str) -> None:
    module = ModuleType("__main__")
    module.__file__ = script
    sys.modules["__main__"] = module
    with open(script, encoding="utf-8") as file:
        text = file.read()
    exec(compile(text, script, "exec", dont_inherit=True), module.__dict__)


def end(function, *given) -> None:
    """Call a function and exit as Python does after it, but without tearing anything down, which
    would take longer than many a job."""
    code = 0
    try:
        function(*given)
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
        if not isinstance(exit.code, int | None):
            print(exit.code, file=sys.stderr)
    except BaseException:
        code = 1
        sys.excepthook(*sys.exc_info())
    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code & 0xFF)


def threads() -> list[str]:
    """Names of the threads except the main one and that of pyarrow's allocator, which a fork
    starts again when it needs one. A new thread gets time to give itself a name."""
    for _ in range(500):
        tasks = sorted(Path("/proc/self/task").iterdir(), key=lambda task: int(task.name))
        names = [(task / "comm").read_text().strip() for task in tasks[1:]]
        others = [name for name in names if name != "jemalloc_bg_thd"]
        if not others:
            return []
        time.sleep(0.02)
    return others


def main(folder: Path, modules: list[str]) -> None:
    try:
        for name in modules:
            importlib.import_module(name)
        if threads():
            sys.exit(f"jobs are not forked: libraries have started threads ({threads()})")
        # What is loaded is on pages that forks should not have to copy.
        gc.collect()
        gc.freeze()
        Server(folder).serve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
