"""Claims of GPUs, with numbers of devices that are not there."""

import os
import signal
import subprocess
import sys
import time
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from helpers import patience

from lethe.common import devices
from lethe.common.errors import LetheError

SOURCE = Path(devices.__file__).parents[1]
# Claims one device, says which and when, keeps it for a while.
HOLDER = """
import sys, time
sys.path.insert(0, {source!r})
from lethe.common.devices import claim
print(claim({count}, jobs={jobs}).devices, time.monotonic(), flush=True)
time.sleep({seconds})
print(time.monotonic(), flush=True)
"""


@pytest.fixture(autouse=True)
def own_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv(devices.SCHEDULED, raising=False)


def holder(visible: str, seconds: float, count: int = 1, jobs: int = 1) -> subprocess.Popen:
    code = HOLDER.format(source=str(SOURCE), seconds=seconds, count=count, jobs=jobs)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, devices.VISIBLE: visible},
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )


def test_claims_in_turn_until_none_is_left():
    environment = {devices.VISIBLE: "3, 5,GPU-ab"}
    claims = [devices.claim(1, environment={**environment}) for _ in range(3)]
    assert [claim.devices for claim in claims] == [["3"], ["5"], ["GPU-ab"]]
    claims[1].release()
    again = devices.claim(1, environment=environment)
    assert again.devices == ["5"]
    assert environment == {devices.VISIBLE: "5"}
    for claim in (claims[0], claims[2], again):
        claim.release()


def test_jobs_side_by_side_never_share_a_device():
    """Nine jobs on three devices: the times in which each device was held do not overlap."""
    running = [holder("0,1,2", seconds=0.3) for _ in range(9)]
    held = {}
    for job in running:
        patience.wait(job)
        first, last = job.stdout.read().splitlines()
        device, begin = first.rsplit(" ", 1)
        held.setdefault(device, []).append((float(begin), float(last)))
    assert set(held) == {"['0']", "['1']", "['2']"}
    assert sum(map(len, held.values())) == 9
    for times in map(sorted, held.values()):
        assert all(end <= begin for (_, end), (begin, _) in pairwise(times))


def test_small_jobs_share_devices_evenly_and_never_more_than_allowed():
    environment = {devices.VISIBLE: "0,1"}
    claims = [devices.claim(1, environment={**environment}, jobs=2) for _ in range(4)]
    assert [claim.devices for claim in claims] == [["0"], ["1"], ["0"], ["1"]]
    folder = devices._folder()
    assert devices._take(folder, ["0", "1"], 1, 2) is None
    claims[2].release()
    last = devices.claim(1, environment=environment, jobs=2)
    assert last.devices == ["0"]
    assert environment == {devices.VISIBLE: "0", devices.SHARED: "2"}
    assert devices.sharers(environment) == 2
    assert devices.sharers({}) == 1
    for claim in (claims[0], claims[1], claims[3], last):
        claim.release()


def test_a_device_is_shared_or_one_jobs_alone():
    folder = devices._folder()
    shared = devices.claim(1, environment={devices.VISIBLE: "0,1"}, jobs=8)
    assert devices._take(folder, ["0", "1"], 2) is None
    whole = devices._take(folder, ["0", "1"], 1)
    assert whole.devices == ["1"]
    assert devices._take(folder, ["1"], 1, 8) is None
    shared.release()
    whole.release()


def test_nine_small_jobs_on_one_device_are_three_at_a_time():
    running = [holder("0", seconds=0.3, jobs=3) for _ in range(9)]
    events = []
    for job in running:
        patience.wait(job)
        first, last = job.stdout.read().splitlines()
        events += [(float(first.rsplit(" ", 1)[1]), 1), (float(last), -1)]
    at_once = list(accumulate(change for _, change in sorted(events)))
    assert len(at_once) == 18
    assert max(at_once) <= 3


def test_a_killed_job_leaves_its_place_to_others():
    job = holder("7", seconds=600, jobs=2)
    assert job.stdout.readline().startswith("['7']")
    other = devices.claim(1, environment={devices.VISIBLE: "7"}, jobs=2)
    folder = devices._folder()
    assert devices._take(folder, ["7"], 1, 2) is None
    job.send_signal(signal.SIGKILL)
    job.wait()
    again = devices._take(folder, ["7"], 1, 2)
    assert again.devices == ["7"]
    for claim in (other, again):
        claim.release()


def test_killed_job_leaves_its_device_to_others():
    job = holder("7", seconds=600)
    assert job.stdout.readline().startswith("['7']")
    told = []
    waiting = holder("7", seconds=0)
    time.sleep(1)
    assert waiting.poll() is None
    job.send_signal(signal.SIGKILL)
    job.wait()
    patience.wait(waiting)
    assert waiting.stdout.read().startswith("['7']")
    claim = devices.claim(1, told.append, {devices.VISIBLE: "7"})
    assert claim.devices == ["7"]
    assert told == []
    claim.release()


def test_several_devices_are_taken_together_or_not_at_all():
    one = devices.claim(1, environment={devices.VISIBLE: "0,1,2"})
    folder = devices._folder()
    assert devices._take(folder, ["0", "1", "2"], 3) is None
    # What was tried in vain is free again.
    two = devices._take(folder, ["0", "1", "2"], 2)
    assert two.devices == ["1", "2"]
    for claim in (one, two):
        claim.release()


def test_nothing_is_claimed_where_none_is_asked_for_or_a_scheduler_chose():
    environment = {devices.VISIBLE: "0,1"}
    assert devices.claim(0, environment=environment) is None
    environment[devices.SCHEDULED] = "12"
    assert devices.claim(1, environment=environment) is None
    assert environment[devices.VISIBLE] == "0,1"


def test_more_than_there_are_is_one_clear_error():
    with pytest.raises(LetheError, match="asked for: 2, found: 1; lower `gpu`"):
        devices.claim(2, environment={devices.VISIBLE: "0"})


def test_any_gpu_looks_at_devices_of_all_makers(tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "OTHERS", (str(tmp_path / "kfd"),))
    monkeypatch.setattr(devices, "present", lambda: [])
    assert not devices.any_gpu()
    (tmp_path / "kfd").touch()
    assert devices.any_gpu()
    monkeypatch.setattr(devices, "OTHERS", ())
    monkeypatch.setattr(devices, "present", lambda: ["0"])
    assert devices.any_gpu()
