"""What Lethe adds to the time in which Snakemake plans: a dry run against a bare Snakefile.

The bare one has the same rules, jobs, files and wildcards, but nothing else: its input functions
look their answer up in a table, and it has no parameters. Both plan from nothing, in turn, in
folders of their own; processor time of the fastest of several runs counts.

    python benchmarks/graph.py [--repeats N] [default] [large]

`default` is config/config.yaml, `large` 2 models, 3 splits, 100 methods, 2 seeds: about 9,000 jobs.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "config", "profiles", "envs", "src", "workflow")
# A job of a dry run: its rule, then indented lines.
JOB = re.compile(r"^(?:local)?rule (\w+):\n((?: {4}.*\n)*)", re.MULTILINE)
# Appended to Lethe's Snakefile once, to learn the patterns of its rules.
DUMP = """

import json

with open("rules.json", "w") as _file:
    json.dump(
        {
            ruled.name: {
                "output": [str(file) for file in ruled.output],
                "constraints": ruled.wildcard_constraints,
            }
            for ruled in workflow.rules
        },
        _file,
    )
"""
BARE = """
import json

with open("jobs.json") as _file:
    JOBS = json.load(_file)


def inputs(rule):
    return lambda wildcards: JOBS[rule][",".join(wildcards)]


rule all:
    input:
        JOBS["all"][""],

"""


def large() -> dict:
    """Settings of a comparison of 100 methods."""
    names = [f"npo_{number}" for number in range(100)]
    tiny = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    model = tiny["model_settings"]["tiny"]
    return {
        "models": ["tiny", "other"],
        "model_settings": {"tiny": model, "other": model},
        "world": {"authors": 100, "holdout_authors": 12},
        "splits": ["forget01", "forget05", "forget10"],
        "seeds": [0, 1],
        "methods": names,
        "method_settings": {
            name: {"method": "npo", "beta": (number + 1) / 100} for number, name in enumerate(names)
        },
    }


SIZES = {"default": dict, "large": large}


def lethe_folder(folder: Path, settings: dict) -> Path:
    """A working folder with these settings and no results."""
    folder.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    (folder / "overlay.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder


def bare_folder(folder: Path, lethe: Path) -> Path:
    """A Snakefile with the jobs that a dry run in ``lethe`` lists."""
    folder.mkdir(parents=True)
    shutil.copytree(lethe / "profiles", folder / "profiles")
    snakefile = (lethe / "Snakefile").read_text(encoding="utf-8")
    (lethe / "Snakefile").write_text(snakefile + DUMP, encoding="utf-8")
    planned = snakemake(lethe, "-n", *overlay(lethe))[1]
    (lethe / "Snakefile").write_text(snakefile, encoding="utf-8")
    rules = json.loads((lethe / "rules.json").read_text(encoding="utf-8"))
    jobs = jobs_of(planned)
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    text = BARE + "".join(bare_rule(name, rules[name]) for name in jobs if name != "all")
    (folder / "Snakefile").write_text(text, encoding="utf-8")
    return folder


def jobs_of(planned: str) -> dict[str, dict[str, list[str]]]:
    """Inputs of each job, by rule and values of wildcards."""
    jobs: dict[str, dict[str, list[str]]] = {}
    for rule, block in JOB.findall(planned):
        lines = dict(line.strip().split(": ", 1) for line in block.splitlines() if ": " in line)
        pairs = [pair.split("=", 1) for pair in lines.get("wildcards", "").split(", ") if pair]
        files = [file for file in lines.get("input", "").split(", ") if file]
        jobs.setdefault(rule, {})[",".join(value for _, value in pairs)] = files
    return jobs


def bare_rule(name: str, known: dict) -> str:
    lines = [f"rule {name}:", "    input:", f"        inputs({name!r}),", "    output:"]
    lines += [f"        {file!r}," for file in known["output"]]
    if known["constraints"]:
        lines.append("    wildcard_constraints:")
        lines += [f"        {key}={value!r}," for key, value in known["constraints"].items()]
    return "\n".join([*lines, "    shell:", '        "false"', "", ""])


def overlay(folder: Path) -> list[str]:
    return ["--configfile", "overlay.yaml"] if (folder / "overlay.yaml").exists() else []


def snakemake(folder: Path, *arguments: str) -> tuple[float, str]:
    """Seconds of processor time, and what was printed."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    after = os.times()
    if done.returncode != 0:
        sys.exit(done.stdout[-4000:])
    spent = after.children_user + after.children_system
    return spent - before.children_user - before.children_system, done.stdout


def compare(folder: Path, repeats: int) -> dict[str, float]:
    """Least processor seconds of each measure; those to be compared are taken in turn."""
    lethe, bare = folder / "lethe", folder / "bare"
    runs = {
        "lethe, dry run": (lethe, ["-n", "--quiet", "all", *overlay(lethe)]),
        "bare, dry run": (bare, ["-n", "--quiet", "all"]),
        "lethe, parse": (lethe, ["--list-rules", *overlay(lethe)]),
        "empty Snakefile, parse": (folder / "empty", ["--list-rules"]),
    }
    (folder / "empty").mkdir()
    (folder / "empty/Snakefile").write_text("rule all:\n    shell: 'true'\n", encoding="utf-8")
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, (place, arguments) in runs.items():
            seconds[name].append(snakemake(place, *arguments)[0])
    return {name: min(found) for name, found in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=["default", "large"])
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            lethe = lethe_folder(folder / "lethe", SIZES[size]())
            bare_folder(folder / "bare", lethe)
            jobs = json.loads((folder / "bare/jobs.json").read_text(encoding="utf-8"))
            least = compare(folder, given.repeats)
        print(f"{size}: {sum(map(len, jobs.values()))} jobs, {len(jobs)} rules")
        for measure, seconds in least.items():
            print(f"  {measure:24} {seconds:6.2f} s of processor time")
        print(f"  {'dry run, ratio':24} {least['lethe, dry run'] / least['bare, dry run']:6.2f}")
        parsing = least["lethe, parse"] - least["empty Snakefile, parse"]
        print(f"  {'parsing alone':24} {parsing:6.2f} s")


if __name__ == "__main__":
    main()
