"""``make demo``: run the default world, make Snakemake's report, check the results."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from lethe.cli.commands.claims import printed, refuse_failing
from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.common.files import whole_file

REPORT = Path(paths.RESULTS, "snakemake-report.html")
# The page of the world, and that of the last run.
PAGE = Path(paths.world("default"), "report.html")
LAST_PAGE = Path(paths.RESULTS, "report.html")
CLAIMS = Path(paths.table("default", "claims.json"))


def main() -> None:
    """Run everything; exit with an error if the workflow or a claim that one seed decides fails."""
    start = time.monotonic()
    _snakemake("--cores", "all", "--quiet", "rules")
    if not _is_reported():
        _snakemake("--report", str(REPORT))
    # A run with nothing to do shows no page, and another world's may be there.
    with whole_file(LAST_PAGE) as place:
        shutil.copyfile(PAGE, place)
    print(f"\nChecks of what TOFU shows ({CLAIMS}):")
    try:
        check_claims(CLAIMS)
    finally:
        print(
            f"Figures: {paths.world('default')}/figures   Tables: {paths.world('default')}/tables"
            f"   Snakemake's report: {REPORT}   ({time.monotonic() - start:.0f} s)"
            f"\nPage: {LAST_PAGE}; open it in a browser (Linux: xdg-open FILE, macOS: open FILE)"
        )


def check_claims(file: Path) -> None:
    """Print the claims; exit with an error if an exact property or a wide, fixed bound fails.

    Paired differences are results, not checks of the installation: they do not fail the demo.
    """
    from lethe.analysis.claims.verdict import PAIRED

    try:
        rows = printed([str(file)])
        refuse_failing([row for row in rows if row["kind"] != PAIRED], str(file))
    except LetheError as error:
        sys.exit(f"error: {error}")


def _is_reported() -> bool:
    """Whether the report shows this world and its current results."""
    if not REPORT.exists() or REPORT.stat().st_mtime < CLAIMS.stat().st_mtime:
        return False
    return str(CLAIMS) in REPORT.read_text(encoding="utf-8")


def _snakemake(*arguments: str) -> None:
    """Run Snakemake; on Ctrl-C or SIGTERM wait until it has ended its jobs and unlocked."""
    command = [sys.executable, "-m", "snakemake", *arguments]
    child: list[subprocess.Popen] = []
    # Ctrl-C reaches the child directly; a signal to this process alone is passed on.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.signal(signal.SIGTERM, lambda number, frame: [c.send_signal(number) for c in child])
    child.append(subprocess.Popen(command, env={**os.environ, "PYTHONUNBUFFERED": "1"}))
    code = child[0].wait()
    if code:
        # If a signal ended it, return the exit status that a shell would report.
        sys.exit(code if code > 0 else 128 - code)


if __name__ == "__main__":
    main()
