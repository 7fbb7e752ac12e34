"""The wheel carries the workflow: installed elsewhere, it runs in an empty folder."""

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from helpers import patience
from helpers.workflow_folder import ROOT, Outcome, sources

from lethe.pipeline.code_digest import digest

# A job of the library alone, and one whose code is found by its name.
DIGESTED = ("workflow/scripts/split.py", "workflow/scripts/unlearn.py")
NAMED = ("lethe.unlearn.methods.npo", "lethe.metrics.rouge")
DIGESTS = """
from lethe.pipeline import workflow_files
from lethe.pipeline.code_digest import digest
print(*(digest(workflow_files.root() / name) for name in {files}), *map(digest, {modules}))
"""


def built(folder: Path, kind: str) -> Path:
    """A distribution of the sources in a folder, made by this environment's setuptools."""
    make = f"import setuptools.build_meta as b; print(b.build_{kind}('dist'))"
    (folder / "dist").mkdir(exist_ok=True)
    done = patience.run([sys.executable, "-c", make], cwd=folder)
    assert done.returncode == 0, done.stdout
    return folder / "dist" / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return built(sources(tmp_path_factory.mktemp("sources")).path, "wheel")


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """The Python of an environment with the wheel, and with the packages of this one."""
    top = tmp_path_factory.mktemp("installed") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(top)], check=True)
    (packages,) = top.glob("lib/python*/site-packages")
    # Of a folder that is named so, Python reads no .pth file: this project's own is not there.
    (packages / "present.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "--python", str(top / "bin/python"), *install]
    subprocess.run([*command, str(wheel)], check=True)
    return top / "bin/python"


def lethe(python: Path, folder: Path, *arguments: str) -> Outcome:
    """The installed command, in a folder."""
    done = patience.run([python.with_name("lethe"), *arguments], cwd=folder)
    return Outcome(done.returncode, done.stdout)


def listed(*places: str) -> set[str]:
    """Files of the repository in those places."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *places],
        cwd=ROOT, capture_output=True, check=True, encoding="utf-8",
    )  # fmt: skip
    return {name for name in done.stdout.splitlines() if (ROOT / name).is_file()}


def test_the_wheel_has_every_file_of_library_and_workflow_and_no_other(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
    library = {name.removeprefix("src/") for name in listed("src")}
    workflow = listed("Snakefile", "workflow", "config", "profiles", "envs", "bases")
    assert names == library | {f"lethe_lab/{name}" for name in workflow}
    assert {"lethe/py.typed", "lethe_lab/profiles/default/config.yaml"} <= names
    assert wheel.name.startswith("lethe_lab-")


def test_an_editable_install_copies_nothing(tmp_path):
    with zipfile.ZipFile(built(sources(tmp_path / "sources").path, "editable")) as packed:
        names = [name for name in packed.namelist() if ".dist-info/" not in name]
    assert [Path(name).suffix for name in names] == [".pth"]


def test_the_same_wheel_comes_from_a_source_distribution(wheel, tmp_path):
    import tarfile

    with tarfile.open(built(sources(tmp_path / "sources").path, "sdist")) as packed:
        packed.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.glob("lethe_lab-*")
    with zipfile.ZipFile(built(unpacked, "wheel")) as again, zipfile.ZipFile(wheel) as first:
        assert sorted(again.namelist()) == sorted(first.namelist())


def test_it_runs_in_an_empty_folder(python, tmp_path):
    """Records name no place of this machine, and files are those of the checkout."""
    planned = lethe(python, tmp_path, "run", "-n", "--preset", "smoke")
    assert planned.code == 0, planned.end
    assert {"facts", "world", "all"} <= planned.jobs
    wanted = "results/smoke/data/forget10.json"
    ran = lethe(python, tmp_path, "run", wanted, "--preset", "smoke", "--cores", "1")
    assert ran.code == 0, ran.end
    assert "report: lethe run --report results/snakemake-report.html --preset smoke (" in ran.output
    assert {path.name for path in tmp_path.iterdir()} == {"results", ".snakemake"}
    written = [*tmp_path.glob("results/**/*"), *tmp_path.glob(".snakemake/lethe/**/*")]
    texts = {file: file.read_text() for file in written if file.is_file()}
    assert len(texts) > 10
    prefix = str(python.parents[1])
    assert [file for file, text in texts.items() if prefix in text or str(tmp_path) in text] == []
    again = lethe(python, tmp_path, "run", "-n", wanted, "--preset", "smoke")
    assert "Nothing to be done" in again.output


def test_the_default_is_run_without_any_configuration(python, tmp_path):
    planned = lethe(python, tmp_path, "run", "-n", "facts")
    assert planned.code == 0, planned.end
    assert "results/default/data/world_facts.json" in planned.output


def test_a_configuration_of_ones_own_is_laid_over_the_defaults(python, tmp_path):
    (tmp_path / "mine.yaml").write_text("world: {name: mine, authors: 30}\n")
    planned = lethe(python, tmp_path, "run", "-n", "facts", "--configfile", "mine.yaml")
    assert planned.code == 0, planned.end
    assert "results/mine/data/world_facts.json" in planned.output


def test_code_has_the_digests_that_it_has_in_the_checkout(python, tmp_path):
    ask = DIGESTS.format(files=DIGESTED, modules=NAMED)
    done = patience.run([python, "-c", ask], cwd=tmp_path)
    here = [*(digest(ROOT / name) for name in DIGESTED), *map(digest, NAMED)]
    assert done.stdout.split() == here


def test_other_commands_work_outside_any_folder_of_lethes(python, tmp_path):
    (tmp_path / "mine.yaml").write_text("seeds: [0, 1]\n")
    for arguments in (
        ["--version"],
        ["methods"],
        ["plan", "--configfile", str(tmp_path / "mine.yaml")],
        ["world", "--dry-run"],
        ["completion", "bash"],
    ):
        done = lethe(python, tmp_path, *arguments)
        assert done.code == 0, (arguments, done.output)
    assert {path.name for path in tmp_path.iterdir()} == {"mine.yaml"}
