"""Commands that are forks of a server do what processes of their own do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import forked_runs, patience

SHOW = """
import os, sys
print(__name__, sys.argv, sys.path[0], os.getcwd(), os.environ.get("OWN"), oct(os.umask(0)))
print("to the screen", file=sys.stderr)
sys.exit(END)
"""
SNAKEFILE = """
rule one:
    output: "one.txt"
    params: said="so"
    script: "one.py"

rule two:
    output: "two.txt"
    threads: 2
    script: "one.py"

rule wrong:
    output: "wrong.txt"
    script: "wrong.py"
"""
JOB = """
import os, sys
from pathlib import Path
text = f"{snakemake.rule} {os.environ['OMP_NUM_THREADS']} {__name__} {'torch' in sys.modules}"
Path(snakemake.output[0]).write_text(text)
"""


def environment(**own: str) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in forked_runs.HIDDEN} | own


@pytest.mark.parametrize("end", ["0", "3", "'a word'", "1 / 0"])
def test_a_text_runs_as_in_a_process_of_its_own(end, tmp_path):
    how = {"cwd": tmp_path, "env": environment(OWN="yes"), "umask": 0o027}
    arguments = ["-c", SHOW.replace("END", end), "-x", "y"]
    wanted = patience.run([sys.executable, *arguments], **how)
    done = forked_runs.run(arguments, **how, jobs=False)
    assert done.returncode == wanted.returncode
    first = slice(2) if end == "1 / 0" else slice(None)
    # A traceback has the server's own lines above the program's.
    assert done.stdout.splitlines()[first] == wanted.stdout.splitlines()[first]
    assert done.stdout.splitlines()[-1] == wanted.stdout.splitlines()[-1]


@pytest.fixture
def server(monkeypatch) -> subprocess.Popen:
    """A server that this test may kill, in the environment that earlier tests left."""
    now = forked_runs._environment.__wrapped__()
    monkeypatch.setattr(forked_runs, "_environment", lambda: now)
    own = forked_runs._server.__wrapped__(False)
    monkeypatch.setattr(forked_runs, "_server", lambda jobs: own)
    yield own
    own.kill()
    own.wait()


def parent(folder: Path, **own: str) -> int:
    code = "import os; print(os.getppid())"
    done = forked_runs.run(["-c", code], folder, environment(**own))
    assert done.returncode == 0, done.stdout
    return int(done.stdout)


def test_without_a_server_it_is_a_process_of_its_own(server, tmp_path):
    assert parent(tmp_path) == server.pid
    server.kill()
    server.wait()
    assert parent(tmp_path) == os.getpid()


def test_where_libraries_would_load_otherwise_it_is_a_process_of_its_own(server, tmp_path):
    assert parent(tmp_path, OWN="1") == server.pid
    for name in ("PYTHONHASHSEED", "HF_HOME", "LC_ALL", "XDG_CACHE_HOME"):
        assert parent(tmp_path, **{name: "7"}) == os.getpid(), name


def test_what_loading_torch_leaves_in_the_environment_is_no_reason(server, tmp_path):
    left = dict.fromkeys(forked_runs.SET_WHEN_LOADED, "x")
    assert parent(tmp_path, **left) == server.pid


def test_a_run_elsewhere_has_a_server_of_its_own(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "one.py").write_text(JOB.replace("{__name__}", "{os.environ['TZ']}"))
    done = forked_runs.run(
        ("-m", "snakemake", "--cores", "1", "one.txt"), tmp_path, environment(TZ="Asia/Tokyo")
    )
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "one.txt").read_text() == "one 1 Asia/Tokyo True"


def test_jobs_of_one_thread_are_forks(tmp_path):
    for name, text in (("Snakefile", SNAKEFILE), ("one.py", JOB), ("wrong.py", "1 / 0")):
        (tmp_path / name).write_text(text)
    command = ["-m", "snakemake", "--cores", "2", "--keep-going", "one.txt", "two.txt", "wrong.txt"]
    done = forked_runs.run(command, tmp_path, environment())
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout
    assert (tmp_path / "one.txt").read_text() == "one 1 __main__ True"
    assert (tmp_path / "two.txt").read_text() == "two 2 __main__ False"
    assert not (tmp_path / "wrong.txt").exists()
