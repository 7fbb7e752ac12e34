"""The main job for a newcomer: run the default world, make the report, check what came out."""

import os
import subprocess
import sys
import time
from pathlib import Path

from lethe import paths
from lethe.cli import main as lethe

REPORT = Path(paths.RESULTS, "report.html")
CLAIMS = Path(paths.table("default", "claims.json"))


def main() -> None:
    """Run everything; exit with an error if the workflow fails or a claim does not hold."""
    start = time.monotonic()
    _snakemake("--cores", "all", "--quiet", "rules")
    if not REPORT.exists() or REPORT.stat().st_mtime < CLAIMS.stat().st_mtime:
        _snakemake("--report", str(REPORT))
    print(f"\nChecks of what TOFU shows ({CLAIMS}):")
    try:
        lethe(["claims", str(CLAIMS)])
    finally:
        print(
            f"Figures: {paths.world('default')}/figures   Tables: {paths.world('default')}/tables"
            f"   Report: {REPORT}   ({time.monotonic() - start:.0f} s)"
        )


def _snakemake(*arguments: str) -> None:
    command = [sys.executable, "-m", "snakemake", *arguments]
    done = subprocess.run(command, env={**os.environ, "PYTHONUNBUFFERED": "1"}, check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
