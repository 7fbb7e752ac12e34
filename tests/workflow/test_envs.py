"""Environments of rules: pinned, complete, and of the versions that everything is tested with."""

import re
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.glob("envs/*.yaml"))
# What torch's own builds bring along differs between them; they pin it themselves.
OF_THE_BUILD = re.compile(r"nvidia-.*|cuda-.*|triton")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(file: Path) -> dict[str, str]:
    """Versions by name; a build such as +cpu is no part of them."""
    [packages] = [
        entry["pip"]
        for entry in yaml.safe_load(file.read_text(encoding="utf-8"))["dependencies"]
        if isinstance(entry, dict)
    ]
    named = [line for line in packages if not line.startswith("--")]
    return {canonical(name): version.split("+")[0] for name, version in map(_split, named)}


def _split(line: str) -> list[str]:
    assert "==" in line, f"{line} is not pinned"
    return line.split("==")


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return {canonical(n): v for n, v in (line.split("==") for line in lines if "==" in line)}


def needed(name: str) -> set[str]:
    wanted = map(Requirement, metadata.requires(name) or [])
    there = [w for w in wanted if w.marker is None or w.marker.evaluate({"extra": ""})]
    return {canonical(w.name) for w in there if not OF_THE_BUILD.fullmatch(w.name)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_versions_are_those_of_the_lock(file):
    found, lock = pins(file), locked()
    assert {name: lock.get(name) for name in found} == found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_all_that_packages_need_is_pinned_too(file):
    found = pins(file)
    missing = {name: needed(name) - set(found) for name in found}
    assert {name: lacks for name, lacks in missing.items() if lacks} == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_conda_takes_python_and_pip_of_versions_from_one_channel(file):
    """Without nodefaults, conda takes along what its own configuration has besides."""
    found = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert found["channels"] == ["conda-forge", "nodefaults"]
    plain = [entry for entry in found["dependencies"] if isinstance(entry, str)]
    assert plain[0] == "python=3.11"
    assert re.fullmatch(r"pip=\d+\.\d+(\.\d+)?", plain[1])
    assert len(plain) == 2


def test_only_the_light_environment_does_without_torch():
    assert {file.stem for file in FILES if "torch" in pins(file)} == {"torch", "torch_gpu"}


def test_environments_with_torch_differ_in_its_build_alone():
    assert pins(ROOT / "envs/torch.yaml") == pins(ROOT / "envs/torch_gpu.yaml")
    assert "+cpu" in (ROOT / "envs/torch.yaml").read_text(encoding="utf-8")
    assert "+cpu" not in (ROOT / "envs/torch_gpu.yaml").read_text(encoding="utf-8")
