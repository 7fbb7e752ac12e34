"""Definitions of containers: their Python and packages, and that what they copy is a workflow."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "containers/Dockerfile"
APPTAINER = ROOT / "containers/lethe.def"
TOOLS = ROOT / "containers/test-tools.txt"
INSTRUCTIONS = {"FROM", "ARG", "RUN", "COPY", "ENV", "USER", "WORKDIR", "CMD"}
# How a file lies in the image, where it does not lie as in the repository.
RENAMED = {"containers/test-tools.txt": "test-tools.txt"}
LOCKED = "grep -v -f /opt/lethe/test-tools.txt /opt/lethe/requirements.lock > /opt/lethe/image.lock"
INSTALLS = [
    "pip install --no-cache-dir -r /opt/lethe/image.lock",
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
    # The first that make takes, and what requirements.lock is tested with.
    assert wanted.startswith(">=3.11,")
    image = "python:3.11-slim-bookworm"
    assert [rest for name, rest in instructions() if name == "FROM"] == [image]
    assert sections()[""] == ["Bootstrap: docker", f"From: {image}"]


def test_packages_are_those_of_the_lock_and_no_others():
    assert {name for name, _ in instructions()} <= INSTRUCTIONS
    commands = [rest for name, rest in instructions() if name == "RUN"]
    assert [line for line in commands if "pip" in line] == [
        f"{LOCKED} && {INSTALLS[0]}",
        INSTALLS[1],
    ]
    post = sections()["post"]
    assert [line for line in post if "pip" in line] == INSTALLS
    assert post.index(LOCKED) == post.index(INSTALLS[0]) - 1


def needed(requirements: list[str]) -> set[str]:
    """Names of packages and of all that they need, by what is installed here."""
    found, waiting = set(), [Requirement(line) for line in requirements]
    while waiting:
        one = waiting.pop()
        for extra in ("", *one.extras):
            key = (canonicalize_name(one.name), extra)
            if key not in found:
                found.add(key)
                waiting += [
                    need
                    for need in map(Requirement, requires(one.name))
                    if need.marker is None or need.marker.evaluate({"extra": extra})
                ]
    return {name for name, _ in found}


def requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:  # of another platform's
        return []


def test_no_tool_of_tests_is_in_the_image():
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = about["optional-dependencies"]
    tested = needed(extras.pop("test"))
    ours = needed([*about["dependencies"], *(line for lines in extras.values() for line in lines)])
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    patterns = TOOLS.read_text(encoding="utf-8").split()
    left = {line for line in lock if any(re.search(pattern, line) for pattern in patterns)}
    assert {line.partition("==")[0] for line in left} == tested - ours
    assert {"pytest", "ruff", "snakefmt"} <= tested - ours


def test_kubectl_is_of_a_version_and_of_bytes_that_are_named():
    given = dict(rest.split("=", 1) for name, rest in instructions() if name == "ARG")
    assert re.fullmatch(r"v1\.\d+\.\d+", given["KUBECTL"])
    # Older than Debian's, no cluster that is still maintained supports.
    assert int(given["KUBECTL"].split(".")[1]) >= 35
    for key in ("KUBECTL_AMD64", "KUBECTL_ARM64"):
        assert re.fullmatch(r"[0-9a-f]{128}", given[key])
    (fetched,) = [rest for name, rest in instructions() if name == "RUN" and "dl.k8s.io" in rest]
    assert "sha512sum --check --strict && tar" in fetched
    assert "kubernetes-client" not in " ".join(
        rest for name, rest in instructions() if "apt-get" in rest
    )


def test_the_image_runs_as_no_root():
    (user,) = [rest for name, rest in instructions() if name == "USER"]
    assert user == "1000"
    names = [name for name, _ in instructions()]
    # After the last command of the build, so that it holds when the image runs.
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in ("RUN", "COPY"))


def test_commands_of_both_are_shell():
    commands = [rest for name, rest in instructions() if name == "RUN"]
    scripts = [lines for name, lines in sections().items() if name not in ("", "files")]
    for script in [*commands, *map("\n".join, scripts)]:
        subprocess.run(["sh", "-n", "-c", script], check=True)


def test_what_is_copied_is_there_and_lands_where_it_is_installed_from():
    files = [line.split() for line in sections()["files"]]
    for source, place in [*copied(), *files]:
        assert (ROOT / source).exists(), source
        assert place == f"/opt/lethe/{RENAMED.get(source, source)}"
    # Both have the workflow, not the library alone.
    assert {source for source, _ in files} == {source for source, _ in copied()}


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
