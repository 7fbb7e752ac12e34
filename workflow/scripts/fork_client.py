"""Stands for a job that is a fork of scripts/fork_server.py: same streams, signals and exit code.

    python -I -S fork_client.py SOCKET SECRETS PYTHON SCRIPT

SECRETS: names of environment variables, with commas, that the fork does not get. It becomes
``PYTHON SCRIPT`` itself if no server answers, or if the job may not be a fork: because it has
several threads, for which libraries prepare when they are loaded, or asks a service, whose key the
server does not have.
"""

import json
import os
import signal
import socket
import sys

# Scripts that ask a service; tests/workflow/test_forks.py holds this list to the sources.
ASKING = ("background_generated", "stage", "translations_asked")


def main(place: str, secrets: str, python: str, script: str) -> int:
    client = _connect(place) if _can_fork(script) else None
    if client is None:
        os.execv(python, [python, script])
    # The script's own handler decides what happens.
    signal.signal(signal.SIGTERM, lambda number, frame: client.send(str(number).encode()))
    umask = os.umask(0)
    os.umask(umask)
    request = {
        "folder": os.getcwd(),
        "umask": umask,
        "environment": {k: v for k, v in os.environ.items() if k not in secrets.split(",")},
        "script": script,
    }
    try:
        socket.send_fds(client, [json.dumps(request).encode()], [0, 1, 2])
    except OSError:
        os.execv(python, [python, script])
    begun, code = client.recv(32), client.recv(32)
    if not (begun and code):
        sys.exit(
            "error: the process that jobs are forked from was killed; run the same command again"
        )
    return int(code)


def _can_fork(script: str) -> bool:
    name = script.rpartition(".py")[0].rpartition(".")[2]
    return os.environ.get("OMP_NUM_THREADS") == "1" and name not in ASKING


def _connect(place: str) -> socket.socket | None:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        client.connect(place)
    except OSError:
        # The server may not be ready yet: the first jobs do not wait.
        return None
    return client


if __name__ == "__main__":
    ended = main(*sys.argv[1:])
    if ended < 0:
        # End as the job did.
        if -ended != signal.SIGKILL:
            signal.signal(-ended, signal.SIG_DFL)
        os.kill(os.getpid(), -ended)
    sys.exit(ended)
