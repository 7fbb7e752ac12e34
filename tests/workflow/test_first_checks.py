"""What is looked at before the first job and any setting: files, Python, the folder."""

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.workflow_folder import ROOT, Folder, sources


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Folder:
    """A clone in which nothing has run."""
    return sources(tmp_path_factory.mktemp("first_checks"))


def snakemake(*arguments: str, cwd: Path, python: str = sys.executable):
    command = [python, "-m", "snakemake", "--cores", "1", *arguments]
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, encoding="utf-8", check=False, timeout=3600
    )
    output = done.stdout + done.stderr
    assert "Traceback" not in output, output
    errors = [line for line in output.splitlines() if line.startswith("error")]
    return done.returncode, errors, output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("on: 1\n", "line 1: the key on is not text in YAML 1.1; write it in quotes"),
        ("methods: [npo]\nmethods: [idk]\n", "line 2: the key methods is given twice"),
        ("seeds: [010]\n", "line 1: 010 means 8 in YAML 1.1; write 8, or 10"),
    ],
)
def test_an_odd_configuration_is_refused(fresh, tmp_path, text, words):
    odd = tmp_path / "odd.yaml"
    odd.write_text(text)
    code, errors, output = snakemake("-n", "--configfile", str(odd), cwd=fresh.path)
    assert code != 0
    assert len(errors) == 1, output
    assert errors[0].startswith(f"error: {odd}, {words}")


def test_a_python_in_a_path_with_a_space_is_refused_before_any_job(fresh, tmp_path):
    (tmp_path / "my lab").mkdir()
    (tmp_path / "my lab/env").symlink_to(sys.prefix)
    python = str(tmp_path / "my lab/env/bin" / Path(sys.executable).name)
    code, errors, output = snakemake(cwd=fresh.path, python=python)
    assert code != 0
    assert errors == [
        f"error: {python}: Snakemake cannot start jobs with a Python whose path has spaces or "
        "shell characters in it; move the environment, or make one elsewhere"
    ], output
    assert [path.name for path in (fresh / "results").iterdir()] == ["README.md"]


def test_the_snakefile_is_found_from_another_folder(tmp_path):
    """Its own configuration is; what the command names and results are where it is given."""
    here = tmp_path / "my results"
    here.mkdir()
    target = "results/smoke/data/world_facts.json"
    configured = ("--configfile", str(ROOT / "config/smoke.yaml"))
    code, _, output = snakemake(target, "-s", str(ROOT / "Snakefile"), *configured, cwd=here)
    assert code == 0, output
    assert (here / target).is_file()
    assert (here / ".snakemake/lethe").is_dir()
