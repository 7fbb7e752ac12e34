"""Whose locks are removed: those of holders proved gone, and no others."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from lethe.common import processes
from lethe.common.processes import RUN, Process
from lethe.pipeline.workflow_lock import holders_message, holding, release

LOCKS = Path("locks")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    LOCKS.mkdir()
    return tmp_path


@pytest.fixture
def gone() -> Process:
    """A process that was, on this host."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = processes._stat(child.pid)[1]
    child.communicate(b"\n")
    return replace(Process.this(), pid=child.pid, started=started)


def lock(holder: Process | None, here: bool = True, name: str = "0.output.lock") -> Path:
    """A lock, as a run that was killed leaves it, and its note if there is a holder."""
    (LOCKS / name).write_text("results/w/data/full.json\n")
    if holder is not None:
        with holding([LOCKS / name], here):
            (note,) = Path(".snakemake/lethe_runs").glob(f"{os.getpid()}-*.json")
            said = json.loads(note.read_text())
        said["process"] = asdict(holder)
        note.with_name(f"{holder.pid}.json").write_text(json.dumps(said))
    return LOCKS / name


def notes() -> list[str]:
    return sorted(path.name for path in Path(".snakemake/lethe_runs").glob("*.json"))


def test_a_lock_whose_holder_is_gone_is_removed(gone):
    held = lock(gone)
    release(LOCKS)
    assert not held.exists()
    assert notes() == []


def test_a_note_is_there_as_long_as_the_lock():
    with holding([lock(None)], here=True):
        assert len(notes()) == 1
        release(LOCKS)
        assert len(notes()) == 1
    assert notes() == []


def test_a_number_given_to_another_process_is_another_process(gone):
    held = lock(replace(gone, pid=os.getpid()))
    release(LOCKS)
    assert not held.exists()


def test_the_same_host_after_another_start():
    this = Process.this()
    if this.space != processes.FIRST_SPACE or not this.machine:
        pytest.skip("in a container nothing is proved after another start")
    held = lock(replace(this, boot="before"))
    release(LOCKS)
    assert not held.exists()


# How a holder can differ from one that is proved gone, and what is then said.
UNSEEN = {
    "another host": ({"host": "elsewhere"}, "cannot be seen from here; make sure"),
    "another machine of that name": ({"machine": "0"}, "cannot be seen from here; make sure"),
    "a container": ({"space": "pid:[1]"}, "cannot be seen from here; make sure"),
    "a container before": ({"boot": "before", "space": "pid:[1]"}, "cannot be seen from here"),
    "a system that does not tell": ({"boot": ""}, "cannot be seen from here"),
    "no start": ({"started": 0}, "cannot be seen from here"),
}


@pytest.mark.parametrize(("differs", "words"), UNSEEN.values(), ids=UNSEEN)
def test_a_holder_that_cannot_be_seen_keeps_its_lock(gone, differs, words):
    held = lock(replace(gone, **differs))
    release(LOCKS)
    assert held.exists()
    assert words in holders_message(LOCKS)
    assert "--unlock" in holders_message(LOCKS)
    assert "\n" not in holders_message(LOCKS)


def test_a_holder_at_work_keeps_its_lock(gone):
    held = lock(Process.this())
    release(LOCKS)
    assert held.exists()
    assert "is at work on these files; wait for it or end it" in holders_message(LOCKS)
    # It is named before those of which nothing is known, and nobody is told to unlock.
    lock(replace(gone, host="elsewhere"), name="1.output.lock")
    assert "is at work" in holders_message(LOCKS)
    assert "--unlock" not in holders_message(LOCKS)


def test_a_lock_without_a_note_stays(gone):
    held = lock(None)
    other = lock(gone, name="1.output.lock")
    release(LOCKS)
    assert held.exists()
    assert not other.exists()
    assert "locked by an unknown process; make sure" in holders_message(LOCKS)
    assert "--unlock" in holders_message(LOCKS)


def test_jobs_on_a_cluster_may_outlive_the_holder(gone):
    held = lock(gone, here=False)
    release(LOCKS)
    assert held.exists()
    assert "may still run on the cluster; make sure" in holders_message(LOCKS)


def test_a_lock_of_the_same_name_made_since_stays(gone):
    held = lock(gone)
    text = held.read_text()
    held.unlink()
    held.write_text(text)
    os.utime(held, ns=(1, 1))
    release(LOCKS)
    assert held.exists()
    assert notes() == []


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"process": {"pid": 1}}', "\0"])
def test_a_damaged_note_proves_nothing(gone, text):
    held = lock(gone)
    Path(f".snakemake/lethe_runs/{gone.pid}.json").write_text(text)
    release(LOCKS)
    assert held.exists()


# --- processes that end with the one that they work for ---

FOLLOWER = """
import signal, sys, time
from lethe.common.processes import end_with_run
signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked"))
end_with_run()
print("ready", flush=True)
while True:
    signal.pause()
"""


def follower(run: Process | None) -> subprocess.Popen:
    said = {} if run is None else {RUN: json.dumps(asdict(run))}
    return subprocess.Popen(
        [sys.executable, "-c", FOLLOWER],
        env={**os.environ, **said},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def test_a_process_ends_with_the_one_that_it_works_for():
    run = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = processes._stat(run.pid)[1]
    child = follower(replace(Process.this(), pid=run.pid, started=started))
    assert child.stdout.readline() == "ready\n"
    assert child.poll() is None
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert child.communicate()[1].strip() == "asked"


def test_a_process_whose_run_is_gone_does_not_begin(gone):
    out, err = follower(gone).communicate()
    assert out == ""
    assert err.strip() == "asked"


@pytest.mark.parametrize("differs", [{"host": "elsewhere"}, {"space": "pid:[1]"}, None])
def test_a_run_that_cannot_be_seen_is_not_followed(gone, differs):
    child = follower(None if differs is None else replace(gone, **differs))
    assert child.stdout.readline() == "ready\n"
    child.kill()
    child.communicate()
