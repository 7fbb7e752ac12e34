"""How many processes and threads a job's script asks for."""

import importlib.util
import sys
from types import SimpleNamespace

import pytest
from helpers.workflow_folder import ROOT


def script(name: str):
    """A script as a module; not by its folder: names there are as common as `table`."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"workflow/scripts/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


with pytest.MonkeyPatch.context() as patch:
    # What the other imports.
    patch.setitem(sys.modules, "rule_name", script("rule_name"))
    machine = script("machine")


def asked(rule: str, device: str, processes: int, monkeypatch, gpus: bool = False):
    """(processes, threads of each) of a job whose rule has two threads."""
    monkeypatch.setattr(machine.devices, "any_gpu", lambda: gpus)
    monkeypatch.setattr(machine, "set_up", lambda threads, device: threads)
    job = SimpleNamespace(
        rule=rule,
        params=SimpleNamespace(threads=2),
        config={"compute": {"device": device, "processes": processes}},
    )
    return machine.processes(job), machine.ready(job)


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_threads_of_small_models_are_processes_on_a_processor(device, monkeypatch):
    assert asked("base", device, 1, monkeypatch) == (2, 1)
    assert asked("base", device, 3, monkeypatch) == (6, 1)
    assert asked("train_full", device, 1, monkeypatch) == (1, 2)


@pytest.mark.parametrize(("device", "gpus"), [("cuda", True), ("cuda", False), ("auto", True)])
def test_a_gpu_is_not_shared_by_threads(device, gpus, monkeypatch):
    assert asked("base", device, 1, monkeypatch, gpus) == (1, 2)
    assert asked("base", device, 2, monkeypatch, gpus) == (2, 2)
