"""Scalars of a training for TensorBoard: what was written is read back, record by record."""

import importlib.util
import struct

import pytest

from lethe.common.errors import LetheError
from lethe.common.progress import Progress
from lethe.train import tracking

LOG = "results/logs/smoke/micro/full/seed0.log"


def scalars(folder) -> list[tuple[str, int, float]]:
    """(name, step, value) of all events of a folder: length, its checksum, event, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + length])
            found += [(v.tag, event.step, v.simple_value) for v in event.summary.value]
            content = content[16 + length :]
    return found


def test_loss_and_speed_are_written_by_step(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = tracking.follow("full", LOG, "tensorboard")
    for step in (1, 2, 3):
        report(step, 3, 10.0 - step)
    found = scalars(tmp_path / "results/logs/tensorboard/smoke/micro/full/seed0")
    assert [entry for entry in found if entry[0] == "loss"] == [
        ("loss", step, 10.0 - step) for step in (1, 2, 3)
    ]
    assert [step for name, step, value in found if name == "seconds_per_step"] == [1, 2, 3]


def test_it_is_off_by_default_and_progress_is_told_all_the_same(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    assert type(tracking.follow("full", LOG, None)) is Progress
    caplog.set_level("INFO", "lethe.common.progress")
    tracking.follow("full", LOG, "tensorboard")(1, 1, 2.5)
    assert "full: step 1 of 1, loss 2.500" in caplog.text


def test_a_tracker_that_is_not_installed_is_one_line(monkeypatch):
    tracking.check("tensorboard")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    tracking.check(None)
    with pytest.raises(LetheError, match=r"pip install 'lethe-lab\[tracking\]', or set it to null"):
        tracking.check("tensorboard")
