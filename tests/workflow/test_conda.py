"""The smoke world under --use-conda, with tests/helpers/conda/stand_in.py for conda."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.workflow_folder import ROOT, Folder, sources

STAND_IN = ROOT / "tests/helpers/conda/stand_in.py"
# Of the repository, not of an environment.
OURS = {"lethe", "lethe_lab", *(file.stem for file in ROOT.glob("workflow/scripts/*.py"))}


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory) -> dict[str, str]:
    """An environment in which `conda` is the stand-in."""
    prefix = tmp_path_factory.mktemp("conda")
    (prefix / "bin").mkdir()
    command = prefix / "bin/conda"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    activate = 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n'
    (prefix / "bin/activate").write_text(activate, encoding="utf-8")
    path = f"{prefix / 'bin'}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "STAND_IN_PREFIX": str(prefix)}


def snakemake(folder: Folder, environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "snakemake", "--configfile", folder.preset, *arguments]
    done = subprocess.run(
        command,
        cwd=folder.path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def imported_by_us() -> set[str]:
    """Top-level names of what the library and the scripts import, standard library apart."""
    names = set()
    for file in [*ROOT.glob("src/lethe/**/*.py"), *ROOT.glob("workflow/scripts/*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names - OURS - sys.stdlib_module_names


@pytest.fixture(scope="module")
def ran(stand_in, tmp_path_factory) -> Folder:
    folder = sources(tmp_path_factory.mktemp("with_conda") / "folder")
    snakemake(folder, stand_in, "--cores", "2", "--use-conda")
    return folder


def environments(folder: Folder) -> list[Path]:
    found = [path for path in (folder / ".snakemake/conda").iterdir() if path.is_dir()]
    return sorted(path for path in found if (path / "bin/python").exists())


def processes(environment: Path) -> list[dict]:
    return [json.loads(file.read_text()) for file in (environment / "modules").glob("*.json")]


@pytest.mark.conda
def test_each_rule_ran_in_one_of_two_environments(ran):
    with_torch = [path for path in environments(ran) if list(path.glob("lib/*/*/torch"))]
    assert len(environments(ran)) == 2
    assert len(with_torch) == 1
    scripts = {
        path: {process["script"][0].rsplit(".", 2)[1] for process in processes(path)}
        for path in environments(ran)
    }
    heavy = {"base", "train", "unlearn", "made", "collect"}
    assert scripts.pop(with_torch[0]) == heavy
    [light] = scripts.values()
    assert {"world", "split", "background", "score", "scores", "table", "figure"} <= light
    assert not light & heavy


@pytest.mark.conda
def test_no_module_came_from_outside_its_environment(ran):
    """Snakemake's own apart: it opens each script, with its own modules, before ours begins."""
    wanted, seen = imported_by_us(), set()
    standard = Path(os.__file__).parent
    for environment in environments(ran):
        for process in processes(environment):
            names = [name for name, _ in process["modules"]]
            begin = names.index("common")
            for number, (name, file) in enumerate(process["modules"]):
                top = name.split(".")[0]
                ours = number > begin or top in wanted
                # torch.ops and its like name a file that is none.
                if not ours or not Path(file or "").is_absolute() or _elsewhere(top):
                    continue
                path = Path(file)
                assert environment in path.parents or _of_python(path, standard), (name, file)
                seen.add(top)
    assert {"torch", "transformers", "numpy", "matplotlib", "pandas"} <= seen


def _elsewhere(top: str) -> bool:
    """Of the repository, of the script itself, or of Snakemake, which is in no environment."""
    return top in OURS | {"__main__", "__mp_main__"} or top.split("_interface_")[0] == "snakemake"


def _of_python(path: Path, standard: Path) -> bool:
    """Whether a file is of the standard library, from which no package hides."""
    return standard in path.parents and "site-packages" not in path.parts


@pytest.mark.conda
def test_results_do_not_ask_how_they_were_made(ran):
    assert ran.planned() == set()


def test_a_gpu_brings_the_environment_with_cuda(stand_in, tmp_path):
    folder = sources(tmp_path / "folder")
    lists = {}
    for profile in ("default", "gpu"):
        said = snakemake(
            folder, stand_in, "--list-conda-envs", "--workflow-profile", f"profiles/{profile}"
        )
        lists[profile] = {
            Path(line.split()[0]).name for line in said.splitlines() if "envs/" in line
        }
    assert lists == {
        "default": {"light.yaml", "torch.yaml"},
        "gpu": {"light.yaml", "torch_gpu.yaml"},
    }
