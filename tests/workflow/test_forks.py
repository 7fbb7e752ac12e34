"""Jobs that are forks of a process with their libraries: as they would be by themselves."""

import ast
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from helpers.workflow_folder import PRESET, Folder

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow/scripts"
SECRET = "SERVICE_KEY"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="jobs are forked on Linux alone")


class Preloaded:
    """A server that has loaded nothing, and jobs by the client."""

    def __init__(self, folder: Path):
        # The path of a socket is short.
        self.place = Path(tempfile.mkdtemp(prefix="lethe-"))
        self.folder = folder
        command = [sys.executable, SCRIPTS / "fork_server.py", self.place, "argparse"]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        while not (self.place / "jobs").exists():
            assert self.server.poll() is None
            time.sleep(0.01)

    def start(self, text: str, name: str = "collect", **how) -> subprocess.Popen:
        """A job with this script."""
        script = self.folder / f"tmpx_y.{name}.py"
        script.write_text(text, encoding="utf-8")
        client = [sys.executable, "-I", "-S", SCRIPTS / "fork_client.py", self.place / "jobs"]
        variables = {"OMP_NUM_THREADS": "1"} | how.pop("env", {})
        return subprocess.Popen(
            [*client, f"OTHER,{SECRET}", sys.executable, script],
            env={**os.environ, SECRET: "sesame", **variables},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **how,
        )

    def run(self, text: str, name: str = "collect", **how) -> subprocess.CompletedProcess:
        job = self.start(text, name, **how)
        out, error = job.communicate()
        return subprocess.CompletedProcess(job.args, job.returncode, out, error)

    def sleeping(self) -> tuple[subprocess.Popen, psutil.Process]:
        """A job at work: what stands for it, and itself."""
        job = self.start("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
        return job, psutil.Process(int(job.stdout.readline()))

    def end(self) -> None:
        self.server.stdin.close()
        self.server.wait()


@pytest.fixture
def preloaded(tmp_path):
    server = Preloaded(tmp_path)
    yield server
    server.server.kill()
    server.end()
    # One that is killed cannot tidy up.
    shutil.rmtree(server.place, ignore_errors=True)


IS_FORK = "import os, sys; print('argparse' in sys.modules and os.getppid())"


def test_a_job_is_a_fork_with_what_is_its_own(preloaded):
    job = preloaded.run(
        "import os, sys, time\n"
        "print(os.getppid(), sys.argv, __name__, __file__, os.getcwd(), time.tzname, sys.path[0])\n"
        f"print(os.environ['OWN'], {SECRET!r} in os.environ, oct(os.umask(0)), file=sys.stderr)",
        env={"OWN": "mine", "TZ": "Asia/Tokyo"},
        umask=0o27,
    )
    script, folder = str(preloaded.folder / "tmpx_y.collect.py"), str(preloaded.folder)
    of_its_own = [preloaded.server.pid, [script], "__main__", script, folder, ("JST", "JST")]
    assert job.stdout == " ".join(map(str, [*of_its_own, folder])) + "\n"
    assert job.stderr == "mine False 0o27\n"
    assert job.returncode == 0


@pytest.mark.parametrize(
    ("name", "threads"), [("collect", "2"), ("stage", "1"), ("translations_asked", "1")]
)
def test_jobs_of_several_threads_or_with_a_key_are_no_forks(preloaded, name, threads):
    text = f"import os; print(os.getppid(), os.environ[{SECRET!r}])"
    job = preloaded.run(text, name, env={"OMP_NUM_THREADS": threads})
    assert job.stdout == f"{os.getpid()} sesame\n"


def test_without_a_server_a_job_is_a_process_of_its_own(preloaded):
    preloaded.end()
    assert preloaded.run(IS_FORK).stdout == "False\n"
    assert not preloaded.place.exists()


@pytest.mark.parametrize(
    ("text", "code", "error"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('error: so it is')", 1, "error: so it is\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, ""),
    ],
)
def test_a_job_ends_as_its_script_does(preloaded, text, code, error):
    job = preloaded.run(text)
    assert (job.returncode, job.stderr) == (code, error)


def test_an_exception_has_its_traceback(preloaded):
    job = preloaded.run("raise KeyError('lost')")
    assert job.returncode == 1
    assert job.stderr.endswith("KeyError: 'lost'\n")


def test_a_signal_reaches_the_job(preloaded):
    text = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))\n"
        "print(os.getpid(), flush=True)\n"
        "time.sleep(600)"
    )
    job = preloaded.start(text)
    job.stdout.readline()
    job.terminate()
    assert job.wait() == 128 + signal.SIGTERM


def test_a_job_whose_stand_in_is_killed_is_killed(preloaded):
    job, process = preloaded.sleeping()
    job.kill()
    psutil.wait_procs([process])
    # The server goes on.
    assert preloaded.run("print(1)").stdout == "1\n"


def test_no_job_outlives_the_run(preloaded):
    job, process = preloaded.sleeping()
    preloaded.end()
    assert job.wait() == -signal.SIGTERM
    assert not process.is_running()
    assert not preloaded.place.exists()


def test_no_job_outlives_a_server_that_was_killed(preloaded):
    job, process = preloaded.sleeping()
    preloaded.server.kill()
    psutil.wait_procs([process])
    assert job.wait() == 1
    assert job.stderr.read().startswith("error: the process that jobs are forked from was killed")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_another_user_is_not_served(preloaded):
    assert preloaded.place.stat().st_mode & 0o777 == 0o700
    preloaded.place.chmod(0o755)
    (preloaded.place / "jobs").chmod(0o777)
    code = (
        "import os, socket, sys; os.setuid(65534)\n"
        "client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
        "client.connect(sys.argv[1]); print(client.recv(9))"
    )
    command = [sys.executable, "-c", code, preloaded.place / "jobs"]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "b''\n"


def test_scripts_that_ask_a_service_are_no_forks():
    asking = set()
    for file in SCRIPTS.glob("*.py"):
        nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        names = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        if any(name.startswith(("lethe.world.generated", "lethe.llm")) for name in names):
            asking.add(file.stem)
    rules = (ROOT / "workflow/rules/generated.smk").read_text(encoding="utf-8")
    asking |= {"background_generated"} if "background_generated.py" in rules else set()
    tree = ast.parse((SCRIPTS / "fork_client.py").read_text(encoding="utf-8"))
    values = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    assert asking == set(ast.literal_eval(values[0]))


METRIC = "results/smoke/micro/forget10/npo/seed0/metrics/forget_quality.json"


class Run:
    """A run in a session of its own, whose jobs are forks."""

    def __init__(self, folder: Folder):
        self.places = folder.path.parent / "places"
        self.places.mkdir()
        self.screen = folder.path.parent / "screen"
        with open(self.screen, "w") as screen:
            self.process = psutil.Popen(
                [sys.executable, "-m", "snakemake", METRIC, "--cores", "2", "--configfile", PRESET],
                cwd=folder.path,
                env={**os.environ, "LETHE_PRELOAD": "yes", "TMPDIR": str(self.places)},
                # A suite that runs in the background ignores Ctrl-C, and so would all it starts.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                start_new_session=True,
                stdout=screen,
                stderr=screen,
            )
        self.seen: set[psutil.Process] = set()

    def forks(self) -> set[str]:
        """Names of the forked jobs that are at work."""
        found = set()
        with suppress(psutil.Error):
            self.seen |= set(self.process.children(recursive=True))
            for child in self.process.children():
                if "fork_server.py" in " ".join(child.cmdline()):
                    found |= {job.name() for job in child.children()}
        return found

    def ended(self) -> str:
        """What was printed, after it and all that it started have ended."""
        self.process.wait()
        psutil.wait_procs(self.seen)
        assert list(self.places.glob("lethe-*")) == []
        return self.screen.read_text(encoding="utf-8")


def test_a_run_of_forks_leaves_the_same_bytes(home, data, tmp_path):
    folder, forks = data.copy(tmp_path / "folder"), set()
    run = Run(folder)
    while run.process.poll() is None:
        forks |= run.forks()
        time.sleep(0.05)
    printed = run.ended()
    assert run.process.returncode == 0, printed
    assert {"unlearn", "collect"} <= forks, printed
    made, wanted = folder.results("*"), home.results("*")
    differs = {name for name in made if made[name] != wanted.get(name)}
    assert {name for name in differs if "cost/" not in name} == set()
    assert METRIC.removeprefix("results/smoke/") in made


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_fork_outlives_a_run_that_is_ended(data, tmp_path, number):
    run = Run(data.copy(tmp_path / "folder"))
    while not run.forks():
        assert run.process.poll() is None, run.ended()
        time.sleep(0.05)
    if number == signal.SIGINT:
        os.killpg(run.process.pid, number)
    else:
        run.process.kill()
    printed = run.ended()
    assert run.process.returncode != 0
    if number == signal.SIGINT:
        after = printed.partition("SIGINT: ")[2].splitlines()
        assert after[0].startswith("jobs are ended"), printed
        # Progress of jobs may come until they have the signal.
        assert [line for line in after[1:] if ": step " not in line] == []
