"""The smoke world on a real SLURM like a laboratory's, disturbed: docs/clusters.md has the command.

An ordinary user submits, accounts are enforced, partitions have limits of time. The user needs a
Python that it can run: LETHE_SLURM_PYTHON, else the one of these tests.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from helpers.workflow_folder import ROOT, Folder, sources, without_costs

pytestmark = pytest.mark.slurm

CLUSTER = ROOT / "tests/helpers/slurm/cluster.sh"
PROFILE = "profiles/slurm"
# Far beyond what a busy machine needs.
LIMIT_SECONDS = 3 * 3600
FACTS = "results/smoke/data/world_facts.json"
PYTHON = os.environ.get("LETHE_SLURM_PYTHON", sys.executable)


def asked(*command: str) -> list[list[str]]:
    """Lines of one of SLURM's commands, cut at the bars."""
    done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
    return [line.split("|") for line in done.stdout.splitlines() if line]


@pytest.fixture(scope="module")
def cluster():
    """The name of the user who submits."""
    started = subprocess.run([CLUSTER, "start"], capture_output=True, encoding="utf-8", check=False)
    if started.returncode != 0:
        pytest.skip(f"no SLURM can be started here: {started.stderr.strip()}")
    user = subprocess.run([CLUSTER, "user"], capture_output=True, encoding="utf-8", check=True)
    name = user.stdout.strip()
    can = subprocess.run(["runuser", "-u", name, "--", PYTHON, "-c", ""], check=False)
    assert can.returncode == 0, f"{name} cannot run {PYTHON}: set LETHE_SLURM_PYTHON"
    yield name
    subprocess.run([CLUSTER, "stop"], check=True)


@pytest.fixture(scope="module")
def fresh(cluster):
    """Makes folders of sources that are the user's own."""
    made = []

    def one() -> Folder:
        top = Path(tempfile.mkdtemp(prefix="lethe-slurm-run-"))
        made.append(top)
        folder = sources(top / "folder")
        top.chmod(0o755)
        subprocess.run(["chown", "-R", f"{cluster}:", top], check=True)
        return folder

    yield one
    for top in made:
        shutil.rmtree(top)


def changed_profile(folder: Folder, **changes) -> str:
    """The shipped profile with other values for some of its lines, as a user's copy."""
    given = yaml.safe_load((ROOT / PROFILE / "config.yaml").read_text(encoding="utf-8"))
    ours = folder / "profiles/ours"
    ours.mkdir(exist_ok=True)
    for key, value in changes.items():
        given[key] = {**given[key], **value} if isinstance(value, dict) else value
    (ours / "config.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")
    return "profiles/ours"


class Disturbance:
    """Cancels the first job of one rule, and has the first of another pre-empted."""

    def __init__(self, cancel: str, preempt: str):
        self.cancel, self.preempt = cancel, preempt
        self.cancelled = self.preempted = None

    def look(self) -> None:
        for job, comment in asked("squeue", "-h", "-t", "R", "-o", "%i|%k"):
            if self.cancelled is None and comment.startswith(f"rule_{self.cancel}"):
                time.sleep(2)
                subprocess.run(["scancel", job], check=True)
                self.cancelled = job
            if self.preempted is None and comment.startswith(f"rule_{self.preempt}"):
                time.sleep(2)
                urgent = ["srun", "--partition=urgent", "--ntasks=1", "--cpus-per-task=2"]
                subprocess.run([*urgent, "--mem=100", "true"], check=True)
                self.preempted = job


def run_on_slurm(
    user: str,
    folder: Folder,
    *targets: str,
    look: Callable[[], None] = lambda: None,
    profile: str = PROFILE,
    path: str | None = None,
) -> tuple[int, str]:
    """Run the preset through a profile, to its end: exit code, and what was printed."""
    output = folder.path.parent / "slurm.out"
    command = ["runuser", "-u", user, "--", "env", f"HOME=/home/{user}", "OMP_NUM_THREADS=1"]
    command += [f"PATH={path or os.environ['PATH']}", PYTHON, "-m", "snakemake", *targets]
    command += ["--configfile", folder.preset, "--workflow-profile", profile]
    command += ["--slurm-init-seconds-before-status-checks", "2"]
    with open(output, "w", encoding="utf-8") as out:
        running = subprocess.Popen(
            command, cwd=folder.path, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        end = time.monotonic() + LIMIT_SECONDS
        try:
            while running.poll() is None and time.monotonic() < end:
                look()
                time.sleep(1)
        finally:
            running.kill()
    return running.wait(), output.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ran(cluster, fresh):
    folder = fresh()
    disturbance = Disturbance(cancel="unlearn", preempt="train")
    code, output = run_on_slurm(cluster, folder, look=disturbance.look)
    assert code == 0, output[-4000:]
    return folder, disturbance


def accounted(fields: str, *options: str) -> list[list[str]]:
    return asked("sacct", "-a", "-X", "-n", "-P", f"--format={fields}", *options)


def test_metrics_have_the_bytes_of_a_local_run(ran, home):
    folder = ran[0]
    for pattern in ("metrics/*.json", "records/*.json", "tables/*"):
        ours, theirs = (without_costs(f.results(pattern), pattern) for f in (folder, home))
        assert theirs
        assert ours == theirs


def test_nothing_is_left_to_do_locally(ran):
    assert ran[0].planned() == set()


def test_cancelled_job_was_submitted_again(ran):
    disturbance = ran[1]
    [[state, comment]] = accounted("State,Comment", "-j", disturbance.cancelled)
    assert state.startswith("CANCELLED")
    found = accounted("State,Timelimit,ReqMem,Comment")
    tries = [(state, limit, mem) for state, limit, mem, of in found if of == comment]
    assert [state for state, _, _ in tries][-1] == "COMPLETED"
    assert len(tries) == 2
    # It lacked nothing, so it asks for no more.
    assert tries[0][1:] == tries[1][1:]


def test_preempted_job_went_back_into_the_queue(ran):
    job = ran[1].preempted
    states = [state for [state] in accounted("State", "-D", "-j", job)]
    assert states[0] == "PREEMPTED"
    assert states[-1] == "COMPLETED"


def test_jobs_ask_for_what_the_profile_says(ran):
    for name, partition, tres in accounted("Comment,Partition,AllocTRES", "--state=COMPLETED"):
        loads_a_model = name.startswith(("rule_base", "rule_train", "rule_unlearn", "rule_collect"))
        if name.startswith("rule_reference") or loads_a_model:
            assert (partition, "gres/gpu=1" in tres) == ("gpu", True), name
        elif name.startswith("rule_"):
            assert (partition, "gres/gpu" in tres) == ("cpu", False), name


def test_efficiency_is_reported(ran):
    [report] = (ran[0].path / "results/benchmarks").glob("efficiency_report_*.csv")
    lines = report.read_text(encoding="utf-8").splitlines()
    assert "CPU Efficiency (%)" in lines[0]
    assert any("rule_train_full" in line for line in lines)


def test_jobs_are_the_users_on_its_account(ran, cluster):
    assert {
        (user, account) for user, account in accounted("User,Account", f"--user={cluster}")
    } == {(cluster, "lab")}


# --- single jobs ---


class Once:
    """Does something to the first job that runs (or waits), once."""

    def __init__(self, state: str, act: Callable[[str], None]):
        self.state, self.act, self.job = state, act, None

    def __call__(self) -> None:
        found = asked("squeue", "-h", "-t", self.state, "-o", "%i|%k")
        if self.job is None and found:
            self.job = found[0][0]
            self.act(self.job)


def expire(job: str) -> None:
    """Stop a job where it stands, and let its time be up."""
    subprocess.run(["scancel", "--signal=STOP", "--full", job], check=True)
    subprocess.run(["scontrol", "update", f"JobId={job}", "TimeLimit=1"], check=True)


def tries(job: str) -> list[tuple[str, str, str]]:
    """State, minutes and memory of a job and of those that were submitted since."""
    found = accounted("JobID,State,TimelimitRaw,ReqMem")
    return [tuple(rest) for number, *rest in found if int(number) >= int(job)]


def test_a_job_out_of_time_asks_for_more_time_and_not_for_more_memory(cluster, fresh):
    out_of_time = Once("RUNNING", expire)
    code, output = run_on_slurm(cluster, fresh(), FACTS, look=out_of_time)
    assert code == 0, output[-4000:]
    (first, _, memory), second = tries(out_of_time.job)
    assert first == "TIMEOUT"
    assert second == ("COMPLETED", "60", memory)


def test_a_job_out_of_memory_asks_for_more_memory_and_not_for_more_time(cluster, fresh):
    """Less than Snakemake and Python take: accounting kills the job, and SLURM calls it FAILED."""
    folder = fresh()
    small = changed_profile(folder, retries=4, **{"default-resources": {"mem_mb": "120 * attempt"}})
    code, output = run_on_slurm(cluster, folder, FACTS, profile=small)
    assert code == 0, output[-4000:]
    number = re.search(r"submitted with SLURM jobid (\d+)", output)[1]
    asked_for = tries(number)
    assert (asked_for[0][0], asked_for[-1][0]) == ("FAILED", "COMPLETED")
    assert [memory for _, _, memory in asked_for] == [
        f"{120 * (1 + n)}M" for n in range(len(asked_for))
    ]
    assert {limit for _, limit, _ in asked_for} == {"30"}


def test_a_cancelled_job_asks_for_no_more(cluster, fresh):
    cancelled = Once("RUNNING", lambda job: subprocess.run(["scancel", job], check=True))
    code, output = run_on_slurm(cluster, fresh(), FACTS, look=cancelled)
    assert code == 0, output[-4000:]
    (first, *asked_first), (second, *asked_again) = tries(cancelled.job)
    assert first.startswith("CANCELLED")
    assert second == "COMPLETED"
    assert asked_first == asked_again


def test_a_partition_that_never_gives_so_much_is_named_before_anything_is_submitted(cluster, fresh):
    folder = fresh()
    before = len(accounted("JobID"))
    longer = changed_profile(folder, **{"default-resources": {"runtime": 121}})
    code, output = run_on_slurm(cluster, folder, FACTS, profile=longer)
    assert code != 0
    assert "error: facts: it asks for 121 minutes, and partition cpu has 120" in output
    assert "Traceback" not in output
    assert len(accounted("JobID")) == before


def test_a_reason_to_wait_is_said(cluster, fresh):
    def let_go_when_said() -> None:
        text = (folder.path.parent / "slurm.out").read_text(encoding="utf-8")
        if held.job and "waits: JobHeld" in text:
            subprocess.run(["scontrol", "release", held.job], check=False)

    def look() -> None:
        held()
        let_go_when_said()

    folder = fresh()
    node = asked("sinfo", "-h", "-o", "%n")[0][0]
    subprocess.run(
        ["scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test"], check=True
    )

    def hold(job: str) -> None:
        subprocess.run(["scontrol", "hold", job], check=True)
        subprocess.run(["scontrol", "update", f"NodeName={node}", "State=RESUME"], check=True)

    held = Once("PENDING", hold)
    code, output = run_on_slurm(cluster, folder, FACTS, look=look)
    assert code == 0, output[-4000:]
    assert re.search(rf"^SLURM: job {held.job} \(rule_facts\) waits: JobHeldAdmin; ", output, re.M)


def test_without_sacct_a_user_without_a_named_account_submits(cluster, fresh, tmp_path_factory):
    folder = fresh()
    commands = folder.path.parent / "bin"
    commands.mkdir(mode=0o755)
    for file in Path("/usr/bin").iterdir():
        if file.name not in ("sacct", "sacctmgr", "sshare"):
            (commands / file.name).symlink_to(file)
    plain = changed_profile(folder, **{"slurm-efficiency-report": False})
    path = f"{commands}:{Path(PYTHON).parent}"
    code, output = run_on_slurm(cluster, folder, FACTS, profile=plain, path=path)
    assert code == 0, output[-4000:]
    assert (folder / FACTS).exists()


def test_an_account_that_is_not_the_users_is_named(cluster, fresh):
    folder = fresh()
    others = changed_profile(folder, **{"default-resources": {"slurm_account": "others"}})
    code, output = run_on_slurm(cluster, folder, FACTS, profile=others)
    assert code != 0
    assert "The given account others appears to be invalid" in output
