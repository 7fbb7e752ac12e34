"""The smoke world on a real SLURM, disturbed: docs/clusters.md has the command."""

import subprocess
import sys
import time

import pytest
from workflow_folder import ROOT, Folder, sources, without_costs

pytestmark = pytest.mark.slurm

CLUSTER = ROOT / "tests/slurm/cluster.sh"
PROFILE = "profiles/slurm"
LIMIT_SECONDS = 45 * 60


def asked(*command: str) -> list[list[str]]:
    """Lines of one of SLURM's commands, cut at the bars."""
    done = subprocess.run(command, capture_output=True, check=True, encoding="utf-8")
    return [line.split("|") for line in done.stdout.splitlines() if line]


@pytest.fixture(scope="module")
def cluster():
    started = subprocess.run([CLUSTER, "start"], capture_output=True, encoding="utf-8", check=False)
    if started.returncode != 0:
        pytest.skip(f"no SLURM can be started here: {started.stderr.strip()}")
    yield
    subprocess.run([CLUSTER, "stop"], check=True)


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


def run_on_slurm(folder: Folder, disturbance: Disturbance) -> None:
    """Run the preset through the shipped profile, to its end."""
    output = folder.path.parent / "slurm.out"
    command = [sys.executable, "-m", "snakemake", "--configfile", folder.preset]
    command += ["--workflow-profile", PROFILE, "--slurm-init-seconds-before-status-checks", "2"]
    with open(output, "w", encoding="utf-8") as out:
        running = subprocess.Popen(
            command, cwd=folder.path, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        end = time.monotonic() + LIMIT_SECONDS
        try:
            while running.poll() is None and time.monotonic() < end:
                disturbance.look()
                time.sleep(1)
        finally:
            running.kill()
    assert running.wait() == 0, output.read_text(encoding="utf-8")[-4000:]


@pytest.fixture(scope="module")
def ran(cluster, tmp_path_factory):
    folder = sources(tmp_path_factory.mktemp("slurm") / "folder")
    disturbance = Disturbance(cancel="unlearn", preempt="train")
    run_on_slurm(folder, disturbance)
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
    states = [found for found, of in accounted("State,Comment") if of == comment]
    assert states[-1] == "COMPLETED"
    assert len(states) == 2


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
