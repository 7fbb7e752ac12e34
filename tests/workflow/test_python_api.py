"""The Python API: the page's code runs, the notebook runs, and both do what the workflow did."""

import ast
import base64
import re
import sys
from pathlib import Path

import nbformat
import pytest
from helpers import patience
from helpers.workflow_folder import ROOT
from nbclient import NotebookClient

from lethe.common import paths
from lethe.model import checkpoint_record

PAGE = ROOT / "docs/python.md"
NOTEBOOK = ROOT / "docs/tutorial.ipynb"
# The jobs that use a model or make a world, and what evaluates: their signatures stand on the page.
NAMES = (
    "lethe.world.making.make_world",
    "lethe.train.base_model.make_base",
    "lethe.train.finetuned_model.finetune",
    "lethe.unlearn.files.files_of",
    "lethe.unlearn.unlearning.unlearn",
    "lethe.unlearn.reference_losses.write_reference_losses",
    "lethe.unlearn.alternatives.propose_alternatives",
    "lethe.evaluate.attacked_model.attack_checkpoint",
    "lethe.evaluate.collect.collect",
    "lethe.metrics.score",
    "lethe.analysis.checkpoint_evaluation.evaluate",
    "lethe.analysis.audit.audit.audit",
    "lethe.report.audit.write_audit",
    "lethe.analysis.scores.scores_of",
)


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def test_the_pages_code_runs_and_leaves_what_the_workflow_left(worked):
    code = "\n".join(blocks())
    done = patience.run([sys.executable, "-c", code], cwd=worked.path)
    assert done.returncode == 0, done.stdout[-4000:]
    ours = worked / "python/npo/epoch2"
    run = worked / paths.run("smoke", "micro", "forget10", "npo", 0)
    # The same weights, bit by bit: the same function, with the same settings.
    assert checkpoint_record.digest(ours) == checkpoint_record.digest(run / "epoch2")
    values = dict(re.findall(r"^\d+ +(npo|ours) +log10_forget_quality +(\S+)$", done.stdout, re.M))
    assert values["npo"] == values["ours"]
    assert "unknown method 'npoo'" in done.stdout


def signature(name: str) -> str:
    """A function as its source declares it, an argument a line."""
    module, _, function = name.rpartition(".")
    stem = ROOT.joinpath("src", *module.split("."))
    file = next(f for f in (stem.with_suffix(".py"), stem / "__init__.py") if f.exists())
    tree = ast.parse(file.read_text(encoding="utf-8"))
    node = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
    a = node.args
    first = len(a.args) - len(a.defaults)
    plain = [(arg, a.defaults[n - first] if n >= first else None) for n, arg in enumerate(a.args)]
    named = list(zip(a.kwonlyargs, a.kw_defaults, strict=True))
    lines = [_argument(*one) for one in plain] + ["*"] * bool(named)
    lines += [_argument(*one) for one in named]
    lines += [f"**{ast.unparse(a.kwarg)}"] if a.kwarg else []
    inner = "".join(f"    {line},\n" for line in lines)
    return f"{function}(\n{inner}) -> {ast.unparse(node.returns)}"


def _argument(arg: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(arg) + ("" if default is None else f" = {ast.unparse(default)}")


@pytest.mark.parametrize("name", NAMES)
def test_the_page_gives_the_signatures_as_they_are(name):
    assert f"```text\n{signature(name)}\n```" in PAGE.read_text(encoding="utf-8")


def test_the_page_names_what_there_is():
    """Every dotted name of the page is a module or a member of one."""
    from importlib import import_module

    for name in set(re.findall(r"`(lethe(?:\.\w+)+)`", PAGE.read_text(encoding="utf-8"))):
        module, _, member = name.rpartition(".")
        try:
            import_module(name)
        except ModuleNotFoundError:
            assert hasattr(import_module(module), member), name


@pytest.fixture(scope="module")
def executed(home):
    """The notebook after its run in a folder with the smoke world, which it only reads."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=None, resources={"metadata": {"path": home.path}})
    return client.execute()


def outputs(notebook, kind: str) -> list[str]:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = [output.get("data", {}) for cell in cells for output in cell.outputs]
    return [data[kind] for data in found if kind in data]


def test_the_notebook_draws_and_compares_two_runs(executed):
    (picture,) = outputs(executed, "image/png")
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    (table,) = outputs(executed, "text/markdown")
    rows = [re.split(r" *\| *", line) for line in table.splitlines() if "| micro " in line]
    numbers = {row[3]: tuple(row[5:]) for row in rows}
    assert {"NPO", "NPO + Retain", "Grad. Diff."} <= numbers.keys(), table
    # Two methods that left other models.
    assert numbers["Grad. Diff."] != numbers["NPO + Retain"]


def test_the_notebook_is_kept_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert Path(NOTEBOOK).stat().st_size < 200_000
