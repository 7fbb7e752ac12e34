"""A rule's script unpacks and calls: what a job does is a function of the library."""

import ast
import re
import statistics
from collections import Counter
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
# What scripts share: log, devices, processes, saved state. No job.
SHARED = {
    "common",
    "machine",
    "training",
    "asking",
    "choosing",
    "start",
    "launch",
    "rule_name",
    "fork_client",
    "fork_server",
}
JOBS = sorted(file for file in SCRIPTS.glob("*.py") if file.stem not in SHARED)
# Steps of a job on a model. A script that takes two of them puts a job together itself.
STEPS = {
    "checkpoint", "Encoder", "prepare", "fit", "Evaluation", "read_supervision", "answer_nll",
    "propose", "pretrain", "write_world", "write_card",
}  # fmt: skip


def imported(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = (node.names for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {alias.name for names in found for alias in names}


def test_scripts_are_short():
    lengths = [len(file.read_text(encoding="utf-8").splitlines()) for file in JOBS]
    assert statistics.median(lengths) <= 20
    assert max(lengths) <= 32


@pytest.mark.parametrize("file", JOBS, ids=lambda file: file.stem)
def test_no_script_takes_a_jobs_steps_itself(file):
    assert not imported(file) & STEPS


@pytest.mark.parametrize("file", JOBS, ids=lambda file: file.stem)
def test_a_script_has_no_functions_or_classes(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.ClassDef)
    assert not [node.name for node in ast.walk(tree) if isinstance(node, kinds)]


def test_rules_share_one_namespace_without_clashes():
    """All rule files are read into one, where a second function of a name replaces the first."""
    names = Counter()
    for file in (SCRIPTS.parent / "rules").rglob("*.smk"):
        names.update(re.findall(r"^(?:def|class) (\w+)", file.read_text("utf-8"), re.MULTILINE))
    assert [name for name, count in names.items() if count > 1] == []
