"""Shared by all scripts: the log, the place for outputs, and the handling of errors."""

import errno
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A Ctrl-C or a signal from the run during the imports, which take seconds: there is nothing to
# clean up yet, and the run itself prints the message.
ASKS = (signal.SIGINT, signal.SIGTERM)
for _number in ASKS:
    signal.signal(_number, lambda number, frame: os._exit(128 + number))

# Threads that wait for each other should soon sleep: spinning costs a third less on an idle machine
# (docs/benchmarks.md) but comes to a standstill on a busy one. Results do not depend on it. It must
# be set before torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# This project's own library, not another installed one: code digests cover these files.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from lethe.common import devices, paths, processes
from lethe.common.characters import Shown, shown
from lethe.common.errors import AskedToEnd, LetheError
from lethe.pipeline.ledger import Stage, beside, staged, verify

# Before the slow imports: a job whose run is gone by then should not begin.
processes.end_with_run()

# Set by torch's launcher in each process.
LAUNCHED, RANK = "TORCHELASTIC_RUN_ID", "RANK"

# The exit status that a shell reports for a process ended by SIGTERM.
ENDED = 128 + signal.SIGTERM

REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "make it writable"),
}


@contextmanager
def job(snakemake, key: str | None = None, processes: int = 1) -> Iterator[Stage]:
    """Run a rule's work: yields the Stage that its outputs are written to.

    Messages and tracebacks go to the rule's log, progress to the screen as well. Outputs get their
    names only if everything succeeded. An error is one line on the screen. With a ``key``, a job
    that failed gets what it saved in the Stage's ``state`` back when it runs with the same key.
    With ``processes`` the same script runs in that many, of which only the first leaves outputs.
    """
    log = Path(snakemake.log[0])
    started = processes > 1 and LAUNCHED in os.environ
    for number in ASKS:
        signal.signal(number, _end)
    try:
        if started and os.environ[RANK] != "0":
            with beside(snakemake.output[0]) as stage:
                yield stage
            return
        _log_to(log)
        if not started:
            _claim_devices(snakemake.resources)
        if processes > 1 and not started:
            sys.exit(_launch(processes))
        verify(snakemake.input)
        with staged(snakemake.output[0], key) as stage:
            yield stage
    except AskedToEnd as error:
        # Only logged: whoever asked knows it, and every job would print the same line.
        if logging.getLogger().handlers:
            logging.error("%s", error)
        sys.exit(ENDED)
    except LetheError as error:
        logging.error("%s", error)
        sys.exit(f"error in {snakemake.rule}: {error}")
    except Exception as error:
        logging.exception("%s failed", snakemake.rule)
        message = _remedy(error) or f"{type(error).__name__}: {error}; see {log}"
        sys.exit(f"error in {snakemake.rule}: {shown(message)}")


def _launch(count: int) -> int:
    """Run this script in ``count`` connected processes; their common exit code."""
    # They work for this process and end with it. In a session of their own, Ctrl-C reaches them
    # only through it, once and in order.
    processes.name_run()
    command = [sys.executable, str(Path(__file__).with_name("launch.py")), "--standalone"]
    # The file that Snakemake runs, which contains the job's description.
    child = subprocess.Popen(
        [*command, f"--nproc-per-node={count}", sys.argv[0]], start_new_session=True
    )

    def pass_on(number, frame):
        _ignore_signals()
        child.terminate()

    for number in ASKS:
        signal.signal(number, pass_on)
    return child.wait()


def _ignore_signals():
    """Ignore further signals: a job that is ending must not be disturbed."""
    # By a handler: for a second signal that came with the first, Python calls what is set by then,
    # and prints an error if that is SIG_IGN.
    for number in ASKS:
        signal.signal(number, lambda number, frame: None)


def _end(number, frame):
    _ignore_signals()
    raise AskedToEnd("asked to end; run the same command again")


def _remedy(error: Exception) -> str | None:
    """One line for an error of the machine (memory, disk); None for other errors."""
    text = str(error)
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate" in text:
        return "not enough memory; lower compute.microbatch_tokens or give it more, then run again"
    # Libraries that write files themselves give the error number only in their message.
    match = re.search(r"os error (\d+)", text)
    number = int(match[1]) if match else getattr(error, "errno", None)
    if number not in REMEDIES:
        return None
    place = getattr(error, "filename", None) or paths.RESULTS
    return f"{place}: {os.strerror(number)}; {REMEDIES[number]} and run it again"


def _claim_devices(resources) -> None:
    """Claim the job's GPUs, or its place on one, if the profile gives it any.

    They are claimed until the process ends. Where ``gpu_jobs`` small jobs share a GPU, ``gpu``
    counts places.
    """
    places, jobs = resources.get("gpu", 0), resources.get("gpu_jobs", 1)
    shared = jobs > 1 and places == 1
    claim = devices.claim(
        1 if shared else places // jobs,
        lambda all: logging.info("waiting for a GPU of %s", all),
        jobs=jobs if shared else 1,
    )
    if claim is not None:
        with_others = f", shared by up to {jobs} jobs" if shared else ""
        logging.info("GPU %s%s", ",".join(claim.devices), with_others)


def _log_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = logging.FileHandler(path, mode="w")
    file.setFormatter(Shown("%(asctime)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[file])
    screen = logging.StreamHandler(sys.stderr)
    screen.setFormatter(Shown("  %(message)s"))
    logging.getLogger("lethe.common.progress").addHandler(screen)
    logging.captureWarnings(True)
