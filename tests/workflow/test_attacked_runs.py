"""Attacks, lines between runs and metrics under test: real jobs on a finished run."""

import json

import pytest

from lethe.model import checkpoint
from lethe.world.row_digest import row_digest

RUNS = "results/smoke/micro/forget10"
TABLES = "results/smoke/tables"
METRICS = ["probability", "rouge", "truth_ratio", "model_utility", "forget_quality"]
ATTACKED = {
    "metrics": [*METRICS, "hidden_knowledge", "elicited"],
    "attacks": ["retrained", "pruned", "finetuned", "pez"],
    "attack_methods": ["npo"],
    "attack_settings": {
        "retrained": {"steps": 4, "share": 0.25},
        "pez": {"tokens": 2, "steps": 4, "share": 0.25},
        "pruned": {"share": 0.3},
        "finetuned": {"steps": 4, "data": "background"},
    },
    "interpolation": {"pairs": [["npo", "kl_min"], ["full", "retain"]], "points": 3},
}
TESTED = {
    "metrics": [*METRICS, "depth"],
    "attacks": ["relearned", "quantised4"],
    "attack_methods": ["npo", "kl_min"],
    "attack_settings": {"relearned": {"steps": 4}},
    "meta_evaluation": {"enabled": True, "positives": 2, "negatives": 2, "least_utility": 0},
}


def test_what_was_not_taught_is_compared_with_the_oracle(worked):
    hidden = f"{RUNS}/npo/seed0/states/retrained/metrics/hidden_knowledge.json"
    done = worked.run(hidden, overlay=ATTACKED)
    assert {f"state_retrained[forget10,{run},0]" for run in ("npo", "retain")} <= done.jobs
    folders = [worked / f"{RUNS}/{run}/seed0/states/retrained" for run in ("npo", "retain")]
    taught = [checkpoint.origin(folder / "checkpoint")["taught"] for folder in folders]
    rows = json.loads((folders[0] / "records/tofu.json").read_text())["checkpoints"][0]
    assert taught[0] == taught[1] == sorted(rows["taught"])
    forget = rows["sets"]["forget"]
    asked = [row_digest(*row) for row in zip(forget["question"], forget["answer"], strict=True)]
    (point,) = json.loads((worked / hidden).read_text())["checkpoints"]
    held_out = [row for row in asked if row not in taught[0]]
    assert point["values"]["held_out"] == len(held_out) == len(point["items"]["hidden"])
    # 40 rows, of which a quarter was taught; 20 are asked about.
    assert len(taught[0]) == 10
    assert worked.planned(hidden, overlay=ATTACKED) == set()


def test_a_text_is_searched_for_the_run_and_for_the_oracle(worked):
    elicited = f"{RUNS}/npo/seed0/states/pez/metrics/elicited.json"
    done = worked.run(elicited, overlay=ATTACKED)
    assert {f"state_pez[forget10,{run},0]" for run in ("npo", "retain")} <= done.jobs
    (point,) = json.loads((worked / elicited).read_text())["checkpoints"]
    assert point["values"]["held_out"] == len(point["items"]["beyond"])
    assert point["values"]["blocked"] == pytest.approx(1 - point["values"]["elicited"])
    # The metric of another attack is not computed after this one.
    states = worked.planned(f"{RUNS}/npo/seed0/states/pez/records/tofu.json", overlay=ATTACKED)
    assert states == set()
    assert worked.planned(elicited, overlay=ATTACKED) == set()


def test_other_attacks_and_lines_leave_their_files(worked):
    states = [
        f"{RUNS}/npo/seed0/states/{name}/records/tofu.json" for name in ("pruned", "finetuned")
    ]
    barriers = f"{TABLES}/barriers.md"
    done = worked.run(*states, barriers, overlay=ATTACKED)
    assert {
        "interpolation[forget10,npo,0,kl_min,0]",
        "interpolation[forget10,full,0,retain,0]",
    } <= (done.jobs)
    origin = checkpoint.origin(worked / f"{RUNS}/npo/seed0/states/finetuned/checkpoint")
    assert set(origin["data"]) == {"background"}
    (point,) = json.loads((worked / f"{RUNS}/npo/seed0/lines/kl_min_seed0.json").read_text())[
        "checkpoints"
    ]
    assert point["items"]["place"] == [0, 0.5, 1]
    assert point["values"]["retain"] >= 0
    text = (worked / barriers).read_text()
    assert "NPO" in text
    assert "Retain" in text


def test_metrics_are_tested_on_pools_and_attacked_runs(worked):
    table = f"{TABLES}/meta_evaluation.csv"
    done = worked.run(table, overlay=TESTED)
    members = {
        f"pool_member[forget10,pool_{pool},{7000 + n}]"
        for pool in ("with", "without")
        for n in (0, 1)
    }
    assert members <= done.jobs
    document = json.loads((worked / f"{RUNS}/meta_evaluation.json").read_text())
    assert [one["variant"] for one in document["pools"]["with"]] == ["rows", "paraphrased_answers"]
    assert {one["run"] for one in document["attacked"]} == {"npo", "kl_min"}
    (row,) = [
        r for r in document["metrics"] if (r["metric"], r["name"]) == ("probability", "forget")
    ]
    own = [
        [m["values"]["probability"]["forget"] for m in document["pools"][p]]
        for p in ("with", "without")
    ]
    wins = sum((a > b) + 0.5 * (a == b) for a in own[0] for b in own[1])
    assert row["faithfulness"] == pytest.approx(wins / 4)
    assert row["models"] == 2
    assert 0 <= row["quantization_symmetric"] <= 1
    # A model of a pool is measured, not saved.
    assert not list((worked / RUNS).glob("pool_*/**/*.safetensors"))
    assert worked.planned(table, overlay=TESTED) == set()
    larger = {**TESTED, "meta_evaluation": {**TESTED["meta_evaluation"], "positives": 3}}
    assert worked.planned(table, overlay=larger) == {
        "pool_member[forget10,pool_with,7002]",
        "meta_evaluation[forget10]",
        "table_meta_evaluation",
    }
