"""The distribution lethe-lab: version, command, completion, and other packages named lethe."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

import lethe
import lethe_lab
from lethe.cli.commands.run import snakemake
from lethe.cli.main import main
from lethe.common.errors import LetheError
from lethe.pipeline import workflow_files
from lethe.pipeline.code_digest import closure

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_version_stands_once_and_others_agree(capsys):
    assert re.fullmatch(r"\d+\.\d+\.\d+", lethe.__version__)
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "lethe_lab.__version__"}
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"lethe {lethe.__version__}\n"
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(cited["version"]) == lethe.__version__
    assert f"lethe:{lethe.__version__} " in (ROOT / "containers/Dockerfile").read_text()


def test_another_version_reruns_nothing():
    """Digests of code take the package's ``__init__``, and not the file that has the number."""
    files = closure("lethe.unlearn.methods.npo")
    assert SOURCES / "lethe/__init__.py" in files
    assert not {file for file in files if file.is_relative_to(SOURCES / "lethe_lab")}


def test_importing_the_package_loads_nothing_heavy():
    ask = "import sys, lethe; print(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, check=True, encoding="utf-8"
    )
    loaded = set(done.stdout.split())
    assert "lethe_lab" in loaded
    assert not loaded & {"torch", "numpy", "pandas", "pydantic", "snakemake", "email"}


def test_the_pythons_that_are_promised_are_those_that_make_takes():
    promised = SpecifierSet(PROJECT["project"]["requires-python"])
    minors = [f"3.{minor}" for minor in range(8, 20) if promised.contains(f"3.{minor}.0")]
    label = "Programming Language :: Python :: "
    classified = [line.removeprefix(label) for line in PROJECT["project"]["classifiers"]]
    assert [line for line in classified if re.fullmatch(r"3\.\d+", line)] == minors
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"in {' '.join(f'python{minor}' for minor in minors)} python3;" in makefile
    first, last = (minors[i].replace(".", ", ") for i in (0, -1))
    after = f"{last.split(', ')[0]}, {int(last.split(', ')[1]) + 1}"
    assert f"({first}) <= sys.version_info < ({after})" in makefile


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"python3.13": True, "python3.12": True}, "python3.12"),
        ({"python3.11": True, "python3.12": True}, "python3.11"),
        ({"python3.11": False, "python3": True}, "python3"),
        ({"python3": False}, None),
    ],
)
def test_make_takes_the_first_python_that_fits(tmp_path, there, taken):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements.lock", "pyproject.toml", "setup.py"):
        (tmp_path / name).touch()
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, fits in there.items():
        # A command that is there and does not fit, as one of a version manager, is passed over.
        (commands / name).write_text(f"#!/bin/sh\nexit {int(not fits)}\n")
        (commands / name).chmod(0o755)
    (commands / "sh").symlink_to(shutil.which("sh"))
    make = shutil.which("make")
    environment = {"PATH": str(commands)}
    told = subprocess.run(
        [make, "-n", ".venv/.installed"],
        cwd=tmp_path, env=environment, capture_output=True, check=True, encoding="utf-8",
    ).stdout  # fmt: skip
    assert f"test -d .venv || {taken or ''} -m venv .venv".replace("  ", " ") in told.replace(
        "  ", " "
    )
    if taken is None:
        done = subprocess.run(
            [make, "demo"],
            cwd=tmp_path, env=environment, capture_output=True, check=False, encoding="utf-8",
        )  # fmt: skip
        assert done.returncode != 0
        assert done.stdout == "no Python 3.11, 3.12 or 3.13 here; name one: make PYTHON=FILE demo\n"


def command(path: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The command with other packages in a folder that Python looks into first."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    places = os.pathsep.join([str(path), str(SOURCES)])
    return subprocess.run(
        [sys.executable, "-m", "lethe_lab", *arguments],
        env={**kept, "PYTHONPATH": places},
        capture_output=True, check=False, encoding="utf-8",
    )  # fmt: skip


def others_package(folder: Path) -> None:
    """A package of that name as other people have it; it must not be run."""
    (folder / "lethe").mkdir(parents=True, exist_ok=True)
    (folder / "lethe/__init__.py").write_text("raise SystemExit('run')\n")


def test_a_foreign_package_that_hides_ours_is_told_in_one_line(tmp_path):
    assert command(tmp_path, "--version").stdout == f"lethe {lethe.__version__}\n"
    others_package(tmp_path)
    done = command(tmp_path, "--version")
    assert done.returncode == 1
    file = tmp_path / "lethe/__init__.py"
    assert done.stderr == (
        f"error: {file}: a package lethe of another project hides Lethe's; {lethe_lab.REMEDY}\n"
    )


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (others_package, "a package lethe of another project was installed over Lethe's"),
        # As after the other was installed over ours and removed with all its files.
        (lambda top: (top / "lethe/__init__.py").unlink(), "Lethe's package is not whole"),
    ],
)
def test_a_foreign_package_over_ours_is_told_in_one_line(tmp_path, after, words):
    shutil.copytree(SOURCES / "lethe_lab", tmp_path / "lethe_lab")
    (tmp_path / "lethe").mkdir()
    shutil.copy(SOURCES / "lethe/__init__.py", tmp_path / "lethe")
    after(tmp_path)
    done = subprocess.run(
        [sys.executable, "-S", "-m", "lethe_lab", "--version"],
        cwd=tmp_path, capture_output=True, check=False, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def words_of(*given: str) -> list[str]:
    """Snakemake's words for what is given to ``lethe run``."""
    from lethe.cli.main import _parser

    options, more = _parser().parse_known_args(["run", *given])
    return snakemake(options.preset, options.configfile, more)[3:]


SNAKEFILE = ["--snakefile", str(ROOT / "Snakefile")]
PRESET = str(ROOT / "config/smoke.yaml")
ALL = ["all", "--config", "seeds=[0]"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], ["--cores", "all", *SNAKEFILE]),
        (["-n"], ["--cores", "all", *SNAKEFILE, "-n"]),
        (["--cores", "2", "-n"], [*SNAKEFILE, "--cores", "2", "-n"]),
        (["-c2"], [*SNAKEFILE, "-c2"]),
        # A scheduler's jobs are not bounded by the cores of the machine that submits them.
        (["--workflow-profile=slurm"], [*SNAKEFILE, "--workflow-profile=slurm"]),
        (
            ["all", "--preset", "smoke", "--config", "seeds=[0]", "--configfile", "a.yaml"],
            ["--configfile", PRESET, "a.yaml", "--cores", "all", *SNAKEFILE, *ALL],
        ),
        # No beginning of ours stands for an option of Snakemake's.
        (["--prefer", "x"], ["--cores", "all", *SNAKEFILE, "--prefer", "x"]),
    ],
)
def test_run_hands_its_words_to_snakemake(given, words):
    assert words_of(*given) == words


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.yaml", None, "no such file"),
        ("broken.yaml", "seeds: [0", "not valid YAML"),
        ("twice.yaml", "seeds: [0]\nseeds: [1]", "seeds"),
    ],
)
def test_run_refuses_a_file_that_snakemake_would_fail_on(
    name, content, words, tmp_path, monkeypatch
):
    if content is not None:
        (tmp_path / name).write_text(content)
    started = []
    monkeypatch.setattr(os, "execv", lambda *command: started.append(command))
    with pytest.raises(SystemExit) as ended:
        main(["run", "-n", "--configfile", str(tmp_path / name)])
    message = str(ended.value)
    assert "\n" not in message
    assert name in message
    assert words in message
    assert not started


def test_presets_are_named_by_word():
    named = workflow_files.presets()
    assert {"smoke", "methods"} <= set(named)
    assert "config" not in named
    with pytest.raises(LetheError, match="unknown preset 'smok'; did you mean smoke"):
        workflow_files.preset("smok")


def test_only_run_takes_words_that_it_does_not_know(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["methods", "--bogus"])
    assert ended.value.code == 2
    assert "unrecognized arguments: --bogus" in capsys.readouterr().err


def completed(script: str, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    listed = " ".join(f"'{word}'" for word in words)
    ask = f"""{script}
COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; COMP_LINE="${{COMP_WORDS[*]}}"
COMP_POINT=${{#COMP_LINE}}
_shtab_lethe; printf '%s\\n' "${{COMPREPLY[@]}}" """
    done = subprocess.run(
        ["bash", "--norc", "-c", ask], capture_output=True, check=True, encoding="utf-8"
    )
    return done.stdout.split()


def script_for(shell: str, capsys) -> str:
    main(["completion", shell])
    return capsys.readouterr().out


def test_bash_completes_commands_options_and_plug_ins(capsys):
    script = script_for("bash", capsys)
    assert completed(script, "lethe", "eva") == ["evaluate"]
    assert completed(script, "lethe", "unlearn", "--meth") == ["--method"]
    assert "npo" in completed(script, "lethe", "unlearn", "--method", "np")
    assert completed(script, "lethe", "run", "--preset", "smok") == ["smoke"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_read_their_scripts(shell, capsys):
    script = script_for(shell, capsys)
    for word in ("evaluate", "--method", "npo", "smoke"):
        assert word in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, check=True, encoding="utf-8")


def test_a_shell_without_a_script_is_one_line(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["completion", "tcsh"])
    assert ended.value.code == 2
    assert "invalid choice: 'tcsh'" in capsys.readouterr().err
