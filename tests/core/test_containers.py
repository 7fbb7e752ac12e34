"""Definitions of containers: their Python and packages, and that what they copy is a workflow."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "containers/Dockerfile"
APPTAINER = ROOT / "containers/lethe.def"
INSTRUCTIONS = {"FROM", "RUN", "COPY", "ENV", "WORKDIR", "CMD"}
INSTALLS = [
    "pip install --no-cache-dir -r /opt/lethe/requirements.lock",
    "pip install --no-cache-dir --no-deps --no-build-isolation -e /opt/lethe",
]


def instructions() -> list[tuple[str, str]]:
    """(instruction, rest) of the Dockerfile; lines that go on are joined."""
    lines = DOCKERFILE.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if line and not line.startswith("#"))
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines()]


def sections() -> dict[str, list[str]]:
    """Apptainer's definition: the lines of its head (under "") and of each section."""
    found, current = {"": []}, ""
    for line in APPTAINER.read_text(encoding="utf-8").splitlines():
        if line.startswith("%"):
            current = line[1:].strip()
            found[current] = []
        elif line.strip() and not line.startswith("#"):
            found[current].append(line.strip())
    return found


def copied() -> list[tuple[str, str]]:
    """(source, destination) of everything that the Dockerfile copies."""
    pairs = []
    for name, rest in instructions():
        if name == "COPY":
            *names, place = rest.split()
            pairs += [(s, f"{place}{Path(s).name}" if place[-1] == "/" else place) for s in names]
    return pairs


def test_both_begin_with_the_python_of_the_project():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert wanted == ">=3.11,<3.12"
    image = "python:3.11-slim-bookworm"
    assert [rest for name, rest in instructions() if name == "FROM"] == [image]
    assert sections()[""] == ["Bootstrap: docker", f"From: {image}"]


def test_packages_are_those_of_the_lock_and_no_others():
    assert {name for name, _ in instructions()} <= INSTRUCTIONS
    commands = [rest for name, rest in instructions() if name == "RUN"]
    assert [line for line in commands if "pip" in line] == INSTALLS
    assert [line for line in sections()["post"] if "pip" in line] == INSTALLS


def test_commands_of_both_are_shell():
    commands = [rest for name, rest in instructions() if name == "RUN"]
    scripts = [lines for name, lines in sections().items() if name not in ("", "files")]
    for script in [*commands, *map("\n".join, scripts)]:
        subprocess.run(["sh", "-n", "-c", script], check=True)


def test_what_is_copied_is_there_and_lands_where_it_is_installed_from():
    files = [line.split() for line in sections()["files"]]
    for source, place in [*copied(), *files]:
        assert (ROOT / source).exists(), source
        assert place == f"/opt/lethe/{source}"
    built = {"requirements.lock", "pyproject.toml", "README.md", "LICENSE", "src"}
    assert {source for source, _ in files} == built


def test_the_context_holds_what_is_copied():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert kept == {source for source, _ in copied()}


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """What the Dockerfile copies, as it lies in the image."""
    top = tmp_path_factory.mktemp("image")
    for source, place in copied():
        target = top / place.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, target)
    return top / "opt/lethe"


def test_the_copied_files_are_a_workflow_that_plans(image):
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1"]
    done = subprocess.run(
        [*command, "--configfile", "config/smoke.yaml"],
        cwd=image,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^total +\d+$", done.stdout + done.stderr, re.MULTILINE)
