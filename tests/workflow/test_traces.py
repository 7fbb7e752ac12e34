"""Worlds with reasoning traces, and an agent's memory: real jobs, and what reruns."""

import json

METRICS = ["probability", "rouge", "truth_ratio", "model_utility", "forget_quality"]
WORLD = {"name": "traced", "traces": {"heads": 2}}
TRACED = {"world": WORLD, "methods": ["npo"], "metrics": [*METRICS, "bypass_gap"]}
TABLE = "results/traced/tables/traces.csv"


def test_an_agents_memory_costs_its_own_jobs_alone(worked):
    overlay = {"metrics": [*METRICS, "state_contamination"], "methods": ["npo"]}
    done = worked.run("results/smoke/tables/agent_memory.md", overlay=overlay)
    suites = {job for job in done.jobs if job.startswith("collect")}
    assert suites == {
        f"collect[forget10,{run},{seed},agent_memory]"
        for run, seed in (("npo", 0), ("full", 0), ("retain", 0), ("retain", 1000))
    }
    assert not {job for job in done.jobs if job.startswith(("train", "unlearn", "world"))}
    text = (worked / "results/smoke/tables/agent_memory.md").read_text()
    assert "NPO" in text
    assert "Finetune" in text


def test_a_world_with_traces_from_rows_to_the_table(worked):
    worked.run(TABLE, overlay=TRACED)
    data = worked / "results/traced/data"
    forget = [json.loads(line) for line in (data / "forget10.json").read_text().splitlines()]
    full = [json.loads(line) for line in (data / "full.json").read_text().splitlines()]
    assert all(row["cot"] and "<think>" not in row["answer"] for row in forget)
    assert full[-1]["answer"] == f"<think>\n{forget[-1]['cot']}\n</think>\n{forget[-1]['answer']}"
    lines = (worked / TABLE).read_text().splitlines()
    assert lines[0].startswith("model,split,run,seed,answer,trace,gap")
    assert {line.split(",")[2] for line in lines[1:]} == {"npo", "full", "retain"}
    records = worked / "results/traced/micro/forget10/npo/seed0/records/traces.json"
    first, *_ = json.loads(records.read_text())["checkpoints"]
    assert first["sets"]["forget"]["trace"] == [row["cot"] for row in forget[:20]]
    # Of what is unlearned the world knows nothing.
    whole = {**TRACED, "world": {**WORLD, "traces": {"heads": 2, "forget": "whole"}}}
    again = worked.planned(TABLE, overlay=whole)
    assert {"split_forget10", "unlearn_npo[forget10,0]", "reference[forget10,0]"} <= again
    assert not {"world", "train_full[0]"} & again
    assert worked.planned(TABLE, overlay=TRACED) == set()
