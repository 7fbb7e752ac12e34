"""What Snakemake's own process costs while many short jobs are ready.

A bare Snakefile with as many ready jobs as asked for, each with six inputs, runs on two cores: as
Snakemake does by default; with a bounded number of jobs per scheduling pass (`scheduler-subsample`
of profiles/default); and also without a limit on jobs per second (`start_at_once` of
workflow/rules/resources.smk). Processor seconds of Snakemake's process alone, in turn.

    python benchmarks/scheduling.py [--jobs N] [--repeats N]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

SNAKEFILE = """
import resource

rule all:
    input: expand("out/{{job}}", job=range({jobs}))

rule one:
    input: expand("in/{{{{job}}}}_{{part}}", part=range(6))
    output: "out/{{job}}"
    shell: "sleep 0.2; touch {{output}}"

onstart:
    if {unlimited}:
        workflow.scheduler.job_rate_limiter = None

onsuccess:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print("SECONDS", used.ru_utime + used.ru_stime)
"""
VARIANTS = {
    "as Snakemake does": (False, ()),
    "bounded passes": (False, ("--scheduler-subsample", "100")),
    "bounded passes, no limit per second": (True, ("--scheduler-subsample", "100")),
}


def seconds(jobs: int, unlimited: bool, options: tuple[str, ...]) -> float:
    """Processor seconds of Snakemake's process for so many jobs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        for job in range(jobs):
            for part in range(6):
                (folder / "in" / f"{job}_{part}").write_text("x")
        text = SNAKEFILE.format(jobs=jobs, unlimited=unlimited)
        (folder / "Snakefile").write_text(text)
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *options]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("SECONDS")]
        return float(line.split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=1)
    given = parser.parse_args()
    for _ in range(given.repeats):
        for name, (unlimited, options) in VARIANTS.items():
            print(f"{name:<40} {seconds(given.jobs, unlimited, options):7.1f} s", flush=True)


if __name__ == "__main__":
    main()
