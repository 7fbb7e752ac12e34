"""Identifying processes uniquely, and ending a process when the run it works for ends."""

import json
import os
import select
import signal
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

# The variable that names the process for which a job works.
RUN = "LETHE_RUN"
# The initial PID namespace, outside any container.
FIRST_SPACE = "pid:[4026531836]"


@dataclass(frozen=True)
class Process:
    """A process by host, boot, PID namespace, PID and start time in clock ticks.

    Empty texts mean that the system does not say; nothing can then be proved.
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
        """Whether it has ended, if ``here`` can prove it; None if it cannot."""
        if not (self.boot and self.space and self.started):
            return None
        if (self.host, self.machine) != (here.host, here.machine):
            return None
        if self.boot != here.boot:
            # The same host after a reboot; several containers may share that name.
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
    """State of a process and its start time in ticks; None if no such process is visible."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name, in brackets, may contain anything.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def _runs(pid: int, started: int) -> bool:
    stat = _stat(pid)
    if stat is None:
        # Processes of other users may be hidden in /proc, but not from a signal.
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass
        return True
    return stat[1] == started and stat[0] not in "ZX"


def name_run() -> None:
    """Mark the processes that this one will start as working for it."""
    this = Process.this()
    os.environ[RUN] = json.dumps(asdict(this))


def end_with_run() -> None:
    """Send this process SIGTERM once the run that it works for is gone.

    Does nothing if the run cannot be observed (on another host, say) or the system lacks pidfds.
    Otherwise a killed run (by hand, or for memory) would leave its jobs running.
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
    # Checked again: the PID may have been reused before it was opened.
    if handle is None or run.is_gone(Process.this()):
        os.kill(os.getpid(), signal.SIGTERM)
        return
    threading.Thread(target=_wait, args=(handle,), daemon=True, name="run").start()


def _wait(handle: int) -> None:
    select.select([handle], [], [])
    os.kill(os.getpid(), signal.SIGTERM)
