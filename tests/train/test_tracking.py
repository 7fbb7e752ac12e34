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


def test_another_tracker_gets_every_step_under_the_trainings_name(tmp_path, monkeypatch):
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    calls = []

    class Recorder:
        def __init__(self, project, **own):
            calls.append(("made", project, own))

        def __getattr__(self, name):
            return lambda *given, **named: calls.append((name, *given, named))

    monkeypatch.setitem(LOGGER_TYPE_TO_CLASS, "wandb", Recorder)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    report = tracking.follow("full", LOG, "wandb")
    assert calls == []
    for step in (7, 8):
        report(step, 8, 10.0 - step)
    run = "smoke/micro/full/seed0"
    made, started, told, *steps, finished = calls
    assert made == ("made", "lethe", {"name": run, "group": run, "dir": "results/logs"})
    assert (started[0], finished[0]) == ("start", "finish")
    assert told[:2] == ("store_init_configuration", {"run": run, "first_step": 7})
    assert [(name, given["loss"], at["step"]) for name, given, at in steps] == [
        ("log", 3.0, 7),
        ("log", 2.0, 8),
    ]


@pytest.mark.parametrize(
    ("tracker", "variable", "value"),
    [
        ("wandb", "WANDB_MODE", "offline"),
        ("wandb", "WANDB_API_KEY", "a key"),
        ("mlflow", "MLFLOW_TRACKING_URI", "sqlite:///runs.db"),
        ("comet_ml", "COMET_API_KEY", "a key"),
    ],
)
def test_a_tracker_without_a_key_or_an_address_is_one_line(
    tracker, variable, value, tmp_path, monkeypatch
):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    for name in ("WANDB_MODE", "WANDB_API_KEY", "MLFLOW_TRACKING_URI", "COMET_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    # No file with keys.
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(LetheError, match=f"{tracker} cannot begin; set .*{variable}"):
        tracking.check(tracker)
    monkeypatch.setenv(variable, value)
    tracking.check(tracker)
    with pytest.raises(LetheError, match="environments of conda and containers do not have"):
        tracking.check(tracker, ["conda"])


def test_a_tracker_that_is_not_installed_is_one_line(monkeypatch):
    tracking.check("tensorboard")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    tracking.check(None)
    with pytest.raises(LetheError, match=r"pip install 'lethe-lab\[tracking\]', or set it to null"):
        tracking.check("tensorboard")
