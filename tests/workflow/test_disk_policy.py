"""Checkpoints that are deleted after evaluation: what runs, what stays, what runs again."""

import hashlib
import json
import os

import pytest

from lethe.pipeline import ledger_files

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


def choose(folder, run: str, epoch: int) -> None:
    """Have another epoch as the best, as if its job had chosen it."""
    name = f"{run}/best_epoch.json"
    (folder / name).write_text(json.dumps({"epoch": epoch}), encoding="utf-8")
    for ledger in (folder / ".snakemake/lethe").rglob("*.json"):
        entries = json.loads(ledger.read_text())
        if name in entries:
            entries[name] = ledger_files.entry(folder / name)
            ledger.write_text(json.dumps(entries))


def test_only_the_best_epochs_checkpoint_stays(worked):
    chosen = {
        f"{rule}[forget10,{method},0]"
        for rule in ("best_epoch", "best_checkpoint")
        for method in ("grad_ascent", "kl_min", "npo")
    }
    # The policy alone links what is there.
    assert worked.planned(overlay={"checkpoints": {"keep": "best"}}) == chosen | {"all"}
    run, overlay = RUN.format("npo"), changed("best", "npo")
    best, records = f"{run}/best/model.safetensors", f"{run}/records/tofu.json"
    outcome = worked.run(best, records, overlay=overlay)
    scored = {
        f"score[forget10,npo,0,{metric}]"
        for metric in ("probability", "rouge", "truth_ratio", "model_utility")
    }
    mine = {job for job in chosen if "npo" in job}
    assert outcome.jobs == again("npo") | scored | mine
    # Weights of no other epoch, and the whole checkpoint of that one.
    weights = [file.parent.name for file in (worked / run).glob("*/*.safetensors")]
    assert weights == ["best"]
    epoch = json.loads((worked / run / "best_epoch.json").read_text())["epoch"]
    record = json.loads((worked / run / "best/checkpoint.json").read_text())
    assert record["origin"]["epoch"] == epoch
    digest = hashlib.sha256((worked / best).read_bytes()).hexdigest()
    assert record["files"]["model.safetensors"] == digest
    assert all((worked / run / "best" / name).exists() for name in record["files"])
    assert worked.planned(best, records, overlay=overlay) == set()
    # To choose anew is one job, though the other epochs' weights are gone.
    anew = overlay | {"best_epoch": {"criterion": "closeness"}}
    assert worked.planned(best, overlay=anew) == {"best_epoch[forget10,npo,0]"}
    # Another choice has its checkpoint made again.
    choose(worked, run, 3 - epoch)
    assert {"best_checkpoint[forget10,npo,0]", "unlearn_npo[forget10,0]"} <= worked.planned(
        best, overlay=overlay
    )


def test_only_last_epochs_are_evaluated_where_that_is_asked_for(worked):
    run, overlay = RUN.format("npo"), {"evaluation": {"epochs": "last"}}
    records = worked / run / "records" / "tofu.json"
    before = json.loads(records.read_text())["checkpoints"]
    metric = f"{run}/metrics/probability.json"
    assert worked.run(metric, overlay=overlay).jobs == {
        "collect[forget10,npo,0,tofu]",
        "score[forget10,npo,0,probability]",
    }
    assert json.loads(records.read_text())["checkpoints"] == before[-1:]
