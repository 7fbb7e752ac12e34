"""What every script shares: its log, where it writes, and how it fails."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Threads that wait for each other should soon sleep: spinning costs a third less on an idle machine
# (docs/benchmarks.md) but comes to a standstill on a busy one. Results do not depend on it. To be
# set before torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
# This project's own library, not another that may be installed: code digests are of these files.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from lethe import checkpoint, devices
from lethe.errors import LetheError
from lethe.lineage import Stage, staged


@contextmanager
def job(snakemake) -> Iterator[Stage]:
    """Run a rule's work: yields the Stage that its outputs are written to.

    Messages and tracebacks go to the rule's log, progress to the screen as well. Outputs get their
    names only if everything succeeded. An error is one line on the screen.
    """
    log = Path(snakemake.log[0])
    _log_to(log)
    try:
        _claim_devices(snakemake.resources.get("gpu", 0))
        with staged(snakemake.output[0]) as stage:
            yield stage
    except LetheError as error:
        logging.error("%s", error)
        sys.exit(f"error in {snakemake.rule}: {error}")
    except Exception as error:
        logging.exception("%s failed", snakemake.rule)
        sys.exit(f"error in {snakemake.rule}: {type(error).__name__}: {error}; see {log}")


def start_of(snakemake) -> tuple[str | Path, str]:
    """The checkpoint that a job starts from, and what its provenance calls it.

    Of ours by the digest of the weights, of a given one by the name under which it was given.
    """
    parent = snakemake.input.get("parent")
    if parent is None:
        return snakemake.params.given, snakemake.params.given
    folder = Path(parent).parent
    return folder, checkpoint.digest(folder)


def _claim_devices(count: int) -> None:
    """GPUs of this job alone, if the profile gives it some; held until the process ends."""
    claim = devices.claim(count, lambda all: logging.info("waiting for a GPU of %s", all))
    if claim is not None:
        logging.info("GPU %s", ",".join(claim.devices))


def _log_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=path, filemode="w", level=logging.INFO, format="%(asctime)s %(message)s"
    )
    screen = logging.StreamHandler(sys.stderr)
    screen.setFormatter(logging.Formatter("  %(message)s"))
    logging.getLogger("lethe.progress").addHandler(screen)
    logging.captureWarnings(True)
