"""Metrics by name, from files to files, and metric files that are broken."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.made_records import SETS, make_document

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.evaluate import suite as suites
from lethe.metrics.base import CheckpointValues, MetricFile, read_metric, write_metric

SHIPPED = {"probability", "rouge", "truth_ratio", "model_utility", "forget_quality"}


def test_metrics_are_found_by_name():
    assert set(metrics.names()) >= SHIPPED
    assert "base" not in metrics.names()
    with pytest.raises(LetheError, match=r"'rogue'; did you mean rouge\?"):
        metrics.load("rogue")
    for name in ("base", "../records", ""):
        with pytest.raises(LetheError, match=r"^metrics: unknown metric"):
            metrics.contract(name)


@pytest.mark.parametrize("name", metrics.names())
def test_the_contract_is_what_the_module_says(name):
    module, contract = metrics.load(name), metrics.contract(name)
    assert callable(module.compute)
    assert module.__doc__
    assert contract.needs == getattr(module, "NEEDS", ())
    assert contract.oracle is getattr(module, "ORACLE", False)
    assert contract.full is getattr(module, "FULL", False)
    assert contract.base is getattr(module, "BASE", False)
    assert contract.records is getattr(module, "RECORDS", True)
    assert contract.settings == getattr(module, "SETTINGS", {})
    assert contract.suite == getattr(module, "SUITE", "tofu")
    assert set(contract.needs) <= set(metrics.names()) - {name}
    if contract.records:
        assert contract.sets
        assert set(contract.sets) <= set(suites.contract(contract.suite).sets)


@pytest.mark.parametrize("name", metrics.names())
def test_no_metric_imports_another(name):
    tree = ast.parse((metrics.METRICS.folder / f"{name}.py").read_text())
    nodes = list(ast.walk(tree))
    imported = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    imported |= {
        alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
    }
    own = {m.removeprefix("lethe.metrics.") for m in imported if m.startswith("lethe.metrics")}
    # Metrics share what begins with an underscore, and no more.
    assert all(module == "base" or module.startswith("_") for module in own)
    assert not any(m.split(".")[0] in ("torch", "transformers") for m in imported)


def test_contracts_and_combining_metrics_import_nothing_heavy():
    program = (
        "import sys, lethe.metrics as m\n"
        "m.contract('truth_ratio'); m.load('model_utility'); m.load('forget_quality')\n"
        "print([n for n in ('numpy', 'scipy', 'rouge_score', 'torch') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def score_all(save, folder, document, oracle=None):
    """Score every metric of a run as the workflow does; returns the paths by metric."""
    records = save(document, f"{folder.name}.json")
    paths = {name: folder / f"{name}.json" for name in SHIPPED}
    for name in ("probability", "rouge", "truth_ratio", "model_utility"):
        metrics.score(name, records, paths, None, None, paths[name])
    if oracle:
        metrics.score("forget_quality", None, paths, oracle, None, paths["forget_quality"])
    return paths


def test_from_records_to_metric_files(save, tmp_path):
    oracle = score_all(save, tmp_path / "retain", make_document(seed=7))
    run = score_all(save, tmp_path / "npo", make_document(epochs=(1, 2)), oracle)
    for name in SHIPPED:
        document = json.loads(run[name].read_text())
        assert (document["format"], document["metric"]) == (1, name)
        assert [(c["epoch"], c["step"]) for c in document["checkpoints"]] == [(1, 4), (2, 8)]
        assert all(
            isinstance(v, float) for c in document["checkpoints"] for v in c["values"].values()
        )
    truth = json.loads(run["truth_ratio"].read_text())
    assert truth["settings"] == {"variant": "geometric"}
    assert truth["checkpoints"][0]["questions"]["forget"][0] == "forget question 0?"
    assert set(truth["checkpoints"][0]["items"]) == set(SETS)
    quality = read_metric(run["forget_quality"], "forget_quality").checkpoints
    assert all(0 < checkpoint.values["forget_quality"] <= 1 for checkpoint in quality)


def test_scoring_twice_gives_the_same_bytes(save, tmp_path):
    one = score_all(save, tmp_path / "one", make_document())
    two = score_all(save, tmp_path / "two", make_document())
    for name in ("probability", "rouge", "truth_ratio", "model_utility"):
        assert one[name].read_bytes() == two[name].read_bytes()


def test_the_setting_reaches_the_metric(save, tmp_path):
    records = save(make_document())
    for variant in ("geometric", "arithmetic"):
        metrics.score("truth_ratio", records, None, None, None, tmp_path / variant, variant=variant)
    geometric, arithmetic = (
        read_metric(tmp_path / variant, "truth_ratio") for variant in ("geometric", "arithmetic")
    )
    assert arithmetic.settings == {"variant": "arithmetic"}
    # The arithmetic mean of positive numbers is never below the geometric one.
    pairs = zip(
        geometric.checkpoints[0].items["forget"],
        arithmetic.checkpoints[0].items["forget"],
        strict=True,
    )
    assert all(low < high for low, high in pairs)


MISUSES = {
    "no records": (("rouge", None, None, None), {}, "needs the records"),
    "no needs": (("model_utility", None, {"rouge": "x"}, None), {}, "probability, truth_ratio"),
    "no oracle": (("forget_quality", None, {"truth_ratio": "T"}, None), {}, "the oracle's truth"),
    "absent": (("model_utility", None, dict.fromkeys(SHIPPED, "gone"), None), {}, "no such file"),
    "setting": (("truth_ratio", "R", None, None), {"varaint": "geometric"}, "unknown setting"),
    "value": (("truth_ratio", "R", None, None), {"variant": "mean"}, "geometric or arithmetic"),
    "none": (("rouge", "R", None, None), {"variant": "geometric"}, "settings: none"),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_what_is_missing_is_named(save, tmp_path, misuse):
    (name, records, needs, oracle), settings, message = MISUSES[misuse]
    records = records and save(make_document())
    if needs == {"truth_ratio": "T"}:
        needs = score_all(save, tmp_path / "run", make_document())
    with pytest.raises(LetheError, match=message):
        metrics.score(name, records, needs, oracle, None, tmp_path / "out.json", **settings)
    assert not (tmp_path / "out.json").exists()


def metric_document():
    values = {"forget": 0.5, "retain": 0.25}
    items, questions = {"forget": [0.5, 0.5]}, {"forget": ["a?", "b?"]}
    entry = {"epoch": 0, "step": 0, "values": values, "items": items, "questions": questions}
    return {"format": 1, "metric": "truth_ratio", "settings": {}, "checkpoints": [entry]}


def entry(key, value):
    return lambda document: document["checkpoints"][0].__setitem__(key, value)


def top(key, value):
    return lambda document: document.__setitem__(key, value)


NAN = float("nan")
FAULTS = {
    "format": (top("format", "1"), "format 1"),
    "metric": (top("metric", "rouge"), "'rouge', not 'truth_ratio'"),
    "settings": (top("settings", {"variant": True}), "'settings'"),
    "settings in a list": (top("settings", {"variant": ["geometric"]}), "'settings'"),
    "none": (top("checkpoints", []), "no checkpoints"),
    "checkpoint": (top("checkpoints", ["x"]), "not an object"),
    "epoch": (entry("epoch", 1.5), "'epoch'"),
    "step": (entry("step", None), "'step'"),
    "values": (entry("values", {}), "'values'"),
    "nan": (entry("values", {"forget": NAN}), "'values'"),
    "text": (entry("values", {"forget": "0.5"}), "'values'"),
    "true": (entry("values", {"forget": True}), "'values'"),
    "items": (entry("items", {"forget": [0.5, NAN]}), "'items'"),
    "empty": (entry("items", {"forget": []}), "'items'"),
    "flat": (entry("items", {"forget": 0.5}), "'items'"),
    "questions": (entry("questions", {"forget": [1, 2]}), "'questions'"),
    "lost items": (entry("items", {"forget": [0.5]}), "1 items of 'forget' for 2 questions"),
    "same": (lambda d: d["checkpoints"].append(d["checkpoints"][0]), "same epoch"),
    "other values": (
        lambda d: d["checkpoints"].append({"epoch": 1, "step": 1, "values": {"forget": 1.0}}),
        "same values",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_metric_file_is_refused(save, fault):
    spoil, message = FAULTS[fault]
    document = metric_document()
    spoil(document)
    path = save(document, "truth_ratio.json")
    with pytest.raises(LetheError, match=message) as error:
        read_metric(path, "truth_ratio")
    assert str(error.value).startswith(f"{path}: ")
    assert str(error.value).endswith("; delete the file to have it made again")


@pytest.mark.parametrize("document", [[], "text", None, 3])
def test_any_other_json_is_refused(save, document):
    with pytest.raises(LetheError, match="not a metric file"):
        read_metric(save(document), "rouge")


def test_every_truncation_of_a_metric_file_is_refused(save):
    path = save(metric_document())
    whole = path.read_bytes()
    assert read_metric(path, "truth_ratio").checkpoints[0].values["forget"] == 0.5
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(LetheError, match=r"tofu\.json"):
            read_metric(path, "truth_ratio")


def test_a_metric_that_is_not_finite_is_never_written(tmp_path):
    broken = MetricFile("rouge", [CheckpointValues(0, 0, {"forget": NAN})])
    with pytest.raises(LetheError, match=r"rouge.json: epoch 0: 'values'.*nothing was written"):
        write_metric(tmp_path / "rouge.json", broken)
    assert list(tmp_path.iterdir()) == []


def test_metrics_of_the_page_are_there():
    """A metric needs no row; those that have one are not to lose it."""
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    rows = set(re.findall(r"^\| `(\w+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert len(rows & set(metrics.names())) >= 18
    assert rows >= SHIPPED
