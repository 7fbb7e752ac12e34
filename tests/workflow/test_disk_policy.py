"""Checkpoints that are deleted after evaluation: what runs, what stays, what runs again."""

import json
import os

import pytest

RUN = "results/smoke/micro/forget10/{}/seed0"
FULL = "results/smoke/micro/all/full/seed0/checkpoint"


def changed(keep: str, method: str) -> dict:
    """A policy, and a setting that makes a method run again."""
    return {"checkpoints": {"keep": keep}, "method_settings": {method: {"lr": 2.0e-3}}}


def again(method: str, suite: str = "tofu") -> set[str]:
    return {f"unlearn_{method}[forget10,0]", f"collect[forget10,{method},0,{suite}]"}


@pytest.mark.parametrize(("keep", "method", "stay"), [("none", "npo", []), ("last", "kl_min", [2])])
def test_checkpoints_go_after_evaluation_and_nothing_runs_for_them(keep, method, stay, worked):
    # Another policy alone plans nothing.
    assert worked.planned(overlay={"checkpoints": {"keep": keep}}) == set()
    run, overlay = RUN.format(method), changed(keep, method)
    records = f"{run}/records/tofu.json"
    outcome = worked.run(records, overlay=overlay)
    assert outcome.jobs == again(method)
    assert "Disk: checkpoints take" in outcome.output
    weights = sorted(file.parent.name for file in (worked / run).glob("epoch*/*.safetensors"))
    assert weights == [f"epoch{epoch}" for epoch in stay]
    for epoch in {1, 2} - set(stay):
        left = [file.name for file in (worked / run / f"epoch{epoch}").iterdir()]
        assert left == ["checkpoint.json"]
    points = json.loads((worked / records).read_text())["checkpoints"]
    assert [point["epoch"] for point in points] == [1, 2]
    assert (worked / FULL / "model.safetensors").exists()
    assert worked.planned(records, overlay=overlay) == set()
    # What needs them makes them again: a suite that was not asked before.
    tokens = f"{run}/records/tokens.json"
    assert worked.planned(tokens, overlay=overlay) == again(method, "tokens")


def test_protected_checkpoints_are_read_only_and_what_would_replace_them_is_refused(worked):
    finetune = {"model_settings": {"micro": {"finetune": {"lr": 2.0e-3}}}}
    overlay = {"checkpoints": {"protect": True}, **finetune}
    worked.run(f"{FULL}/checkpoint.json", overlay=overlay)
    weights = worked / FULL / "model.safetensors"
    assert not weights.stat().st_mode & 0o222
    if os.geteuid() == 0:
        pytest.skip("root may write to every file, so that Snakemake sees none as protected")
    overlay["model_settings"] = {"micro": {"finetune": {"lr": 1.0e-3}}}
    outcome = worked.snakemake(f"{FULL}/checkpoint.json", overlay=overlay)
    assert outcome.code != 0
    assert "protected" in outcome.output
    assert weights.exists()


def test_nothing_to_do_hashes_no_large_checkpoint(worked):
    """A terabyte, of which nothing is stored: to read it would take an hour."""
    weights = worked / FULL / "model.safetensors"
    os.truncate(weights, 10**12)
    status, name = weights.stat(), f"{FULL}/model.safetensors"
    for ledger in (worked / ".snakemake/lethe").rglob("*.json"):
        entries = json.loads(ledger.read_text())
        if name in entries:
            entries[name] |= {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
            ledger.write_text(json.dumps(entries))
    assert worked.planned() == set()
    # Nor does planning what starts from it.
    assert again("npo") < worked.planned(overlay=changed("none", "npo"))
