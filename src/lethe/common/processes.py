"""Processes by what tells one from any other, and processes that end with the run they work for."""

import json
import os
import select
import signal
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

# The variable that tells a process for which other one it works.
RUN = "LETHE_RUN"
# Of the first space of process numbers, that of no container.
FIRST_SPACE = "pid:[4026531836]"


@dataclass(frozen=True)
class Process:
    """A process: of which host, since which boot, in which space of numbers, begun at which tick.

    Empty texts stand for what the system does not tell; nothing is then proved.
    """

    host: str
    machine: str
    boot: str
    space: str
    pid: int
    started: int

    @classmethod
    def this(cls) -> "Process":
        return cls(
            os.uname().nodename,
            _line("/etc/machine-id"),
            _line("/proc/sys/kernel/random/boot_id"),
            _space(),
            os.getpid(),
            (_stat(os.getpid()) or ("", 0))[1],
        )

    def is_gone(self, here: "Process") -> bool | None:
        """Whether it is gone, as ``here`` can prove; None where it cannot."""
        if not (self.boot and self.space and self.started):
            return None
        if (self.host, self.machine) != (here.host, here.machine):
            return None
        if self.boot != here.boot:
            # The same host after another start; of containers there may be many with that name.
            first = self.space == here.space == FIRST_SPACE
            return True if first and self.machine else None
        return not _runs(self.pid, self.started) if self.space == here.space else None

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def _line(file: str) -> str:
    with suppress(OSError):
        return Path(file).read_text(encoding="utf-8").strip()
    return ""


def _space() -> str:
    with suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return ""


def _stat(pid: int) -> tuple[str, int] | None:
    """State of a process and the tick at which it began; None if there is none to be seen."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name, in brackets, may hold anything.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def _runs(pid: int, started: int) -> bool:
    stat = _stat(pid)
    if stat is None:
        # Those of other users may be hidden, but not from this.
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass
        return True
    return stat[1] == started and stat[0] not in "ZX"


def name_run() -> None:
    """Tell the processes that this one will start that they work for it."""
    this = Process.this()
    os.environ[RUN] = json.dumps(asdict(this))


def end_with_run() -> None:
    """End this process as if it were asked to (SIGTERM) once the one that it works for is gone.

    Nothing where that one cannot be seen, as one on another host, or where the system has no such
    means. A run that was killed, by name or for memory, would else leave its jobs at work.
    """
    try:
        run = Process(**json.loads(os.environ[RUN]))
        if run.is_gone(Process.this()) is None:
            return
        handle = os.pidfd_open(run.pid)
    except ProcessLookupError:
        handle = None
    except (KeyError, ValueError, TypeError, AttributeError, OSError):
        return
    # Looked at again: the number may have been given to another before it was opened.
    if handle is None or run.is_gone(Process.this()):
        os.kill(os.getpid(), signal.SIGTERM)
        return
    threading.Thread(target=_wait, args=(handle,), daemon=True, name="run").start()


def _wait(handle: int) -> None:
    select.select([handle], [], [])
    os.kill(os.getpid(), signal.SIGTERM)
