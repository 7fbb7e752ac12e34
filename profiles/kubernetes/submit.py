#!/usr/bin/env python3
"""Submit a job script of Snakemake's to Kubernetes: job.yaml, filled in. Prints the job's name."""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

TEMPLATE = Path(__file__).with_name("job.yaml")
PROPERTIES = "# properties = "
# A pod that has to go signals its first process alone. This one tells all others, of which a
# training saves its state, and waits for them; the script ($0) outlasts the signal.
RUN = 'trap "trap : TERM; kill -TERM 0" TERM; (trap : TERM; . "$0") & wait $! || wait $!'


def properties(script: Path) -> dict:
    """What Snakemake writes about a job into its script."""
    lines = script.read_text(encoding="utf-8").splitlines()
    return json.loads(
        next(line for line in lines if line.startswith(PROPERTIES))[len(PROPERTIES) :]
    )


def manifest(script: Path, folder: Path) -> dict:
    """The job as Kubernetes wants it."""
    about = properties(script)
    job = yaml.safe_load(TEMPLATE.read_text(encoding="utf-8"))
    name = re.sub(r"[^a-z0-9]+", "-", about.get("rule", "group").lower())
    job["metadata"]["generateName"] = f"lethe-{name[:40].strip('-')}-"
    pod = job["spec"]["template"]["spec"]
    # The pod's time, not the job's: waiting for a node does not count.
    pod["activeDeadlineSeconds"] = 60 * int(about["resources"]["runtime"])
    container = pod["containers"][0]
    container["command"] = ["/bin/sh", "-c", RUN, str(script.resolve())]
    container["workingDir"] = str(folder)
    container["resources"] = requested(about["threads"], about["resources"])
    return job


def requested(threads: int, resources: dict) -> dict:
    """Requests and limits; what has no request is given its limit."""
    memory = f"{int(resources['mem_mb'])}Mi"
    limits = {"memory": memory}
    gpus = int(resources.get("gpu", 0))
    if gpus:
        limits[f"{resources['gpu_manufacturer']}.com/gpu"] = gpus
    return {"requests": {"cpu": threads, "memory": memory}, "limits": limits}


def main() -> None:
    job = manifest(Path(sys.argv[1]), Path.cwd())
    done = subprocess.run(
        ["kubectl", "create", "-f", "-", "-o", "name"],
        input=json.dumps(job),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"kubectl create failed for {sys.argv[1]}")
    print(done.stdout.strip().removeprefix("job.batch/"))


if __name__ == "__main__":
    main()
