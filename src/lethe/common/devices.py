"""Which GPUs a job may use, on a machine where no scheduler assigns them.

Snakemake counts GPUs but does not say which ones. So a job claims as many as it asked for before
CUDA is first used, by locking one file per device. Several small jobs may share a device: each
holds its file together with the others, and one of the device's places alone. The kernel releases a
process's locks however it ends, so a killed job never leaves a device locked.
"""

import fcntl
import os
import time
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from tempfile import gettempdir

from lethe.common.errors import LetheError

VISIBLE = "CUDA_VISIBLE_DEVICES"
# Set in every SLURM job; SLURM gives each job its own devices.
SCHEDULED = "SLURM_JOB_ID"
# How many jobs share this process's device; set when it is claimed.
SHARED = "LETHE_GPU_JOBS"
POLL_SECONDS = 0.2
# Devices that may be requested; the same pattern as in the configuration's schema.
DEVICE = r"auto|cpu|mps|cuda(:[0-9]+)?"
# AMD GPUs, and any GPU in Windows Subsystem for Linux.
OTHERS = ("/dev/kfd", "/dev/dxg")


def present(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The devices of this process: those in CUDA_VISIBLE_DEVICES, else all of the machine."""
    named = environment.get(VISIBLE)
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    return sorted(
        (file.name.removeprefix("nvidia") for file in Path("/dev").glob("nvidia[0-9]*")), key=int
    )


def any_gpu() -> bool:
    """Whether torch may find a GPU of any vendor. Checks for device files only; no torch import."""
    return bool(present()) or any(Path(device).exists() for device in OTHERS)


def sharers(environment: Mapping[str, str] = os.environ) -> int:
    """How many jobs may share this process's device, this one included."""
    return int(environment.get(SHARED, 1))


class Claim:
    """Devices, or a place on one, that no other process can claim.

    They are free when this process ends, or ``release`` is called.
    """

    def __init__(self, devices: list[str], locks: list[int]):
        self.devices, self.locks = devices, locks

    def release(self) -> None:
        while self.locks:
            os.close(self.locks.pop())


def claim(
    count: int,
    waiting: Callable[[list[str]], None] = lambda devices: None,
    environment: MutableMapping[str, str] = os.environ,
    jobs: int = 1,
) -> Claim | None:
    """Claim ``count`` devices and make them the only visible ones; wait until there are as many.

    With ``jobs`` above 1 up to so many share a device, on the one that has the fewest of them.

    Returns None and leaves the environment alone if there is nothing to claim: no device was asked
    for, or a scheduler has already chosen. ``waiting`` is called once if the devices are taken.
    Raises LetheError if there are fewer than ``count``. Call it before CUDA is first used.
    """
    if count <= 0 or SCHEDULED in environment:
        return None
    devices = present(environment)
    if len(devices) < count:
        raise LetheError(
            f"GPUs asked for: {count}, found: {len(devices)}; lower `gpu` in the profile"
        )
    folder = _folder()
    claimed = _take(folder, devices, count, jobs)
    if claimed is None:
        waiting(devices)
    while claimed is None:
        time.sleep(POLL_SECONDS)
        claimed = _take(folder, devices, count, jobs)
    environment[VISIBLE] = ",".join(claimed.devices)
    if jobs > 1:
        environment[SHARED] = str(jobs)
    return claimed


def _folder() -> Path:
    """Where the locks are: one place for all workflows of a user on this machine."""
    folder = Path(gettempdir()) / f"lethe-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _take(folder: Path, devices: list[str], count: int, jobs: int = 1) -> Claim | None:
    """All ``count`` devices or none, so that two jobs never wait for each other."""
    taken = Claim([], [])
    # One process at a time; otherwise each of two could get half of what it needs.
    with open(folder / "choosing.lock", "w") as choosing:
        fcntl.flock(choosing, fcntl.LOCK_EX)
        # The first place of every device comes before the second of any.
        for place in range(jobs):
            for device in devices:
                locks = _locked(folder, device, place if jobs > 1 else None)
                if locks:
                    taken.devices.append(device)
                    taken.locks += locks
                if len(taken.devices) == count:
                    return taken
    taken.release()
    return None


def _locked(folder: Path, device: str, place: int | None) -> list[int]:
    """The locks of a device, or of a place on it; none if another process has it."""
    name = device.replace("/", "_")
    if place is None:
        whole = _lock(folder / f"{name}.lock", fcntl.LOCK_EX)
        return [] if whole is None else [whole]
    with_others = _lock(folder / f"{name}.lock", fcntl.LOCK_SH)
    if with_others is None:
        return []
    own = _lock(folder / f"{name}-{place}.lock", fcntl.LOCK_EX)
    if own is None:
        os.close(with_others)
        return []
    return [with_others, own]


def _lock(file: Path, kind: int) -> int | None:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
