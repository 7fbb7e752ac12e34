"""The tables of traces and of memories from metric files: lines by seed, verdicts, ranges."""

import math

import pytest

from lethe.metrics.base import CheckpointValues, MetricFile, write_metric
from lethe.report.tables import agent_memory, traces
from lethe.report.tables.base import TableData


def entries(tmp_path, metric, values_by_seed):
    made = []
    for seed, values in values_by_seed.items():
        path = tmp_path / f"{metric}{seed}.json"
        first = CheckpointValues(1, 1, {key: 9.0 for key in values})
        write_metric(path, MetricFile(metric, [first, CheckpointValues(2, 2, values)]))
        place = {"model": "tiny", "split": "forget10", "run": "npo", "seed": seed}
        made.append({**place, "metric": metric, "path": str(path)})
    return TableData(["npo"], list(values_by_seed), files=made)


def told(answer, trace, short, mimicking):
    gap = trace - answer
    largest = max(abs(short), abs(mimicking))
    return {
        "answer_canonical": answer,
        "trace_canonical": trace,
        "failures_canonical": 0.25,
        "gap": gap,
        "gap_unparsed_as_answer": gap - 0.0625,
        "shift_short": short,
        "shift_mimicking": mimicking,
        "largest_shift": largest,
        "identified": float(largest < gap),
        "retain_answer": 0.75,
    }


def test_each_seed_has_its_line_and_all_of_them_one_verdict(tmp_path):
    data = entries(
        tmp_path,
        "bypass_gap",
        {0: told(0.25, 0.75, 0.125, 0.0), 1: told(0.5, 0.75, -0.25, 0.5)},
    )
    table = traces.build(data)
    first, second = table.to_dict("records")
    assert (first["seed"], first["answer"], first["trace"], first["gap"]) == (0, 0.25, 0.75, 0.5)
    assert (first["shift_short"], first["shift_mimicking"]) == (0.125, 0)
    assert (first["gap_unparsed_as_answer"], first["failures"]) == (0.4375, 0.25)
    assert (first["identified"], second["identified"]) == (1, 0)
    assert first["verdict"] == second["verdict"] == "not identified"
    assert "0.500 is no smaller than the gap, 0.250" in second["reason"]
    text = traces.markdown(table)
    lines = [line for line in text.splitlines() if "NPO" in line]
    assert [cell.strip() for cell in lines[0].split("|")][-3:-1] == ["identified", ""]
    assert lines[0].count("identified") == 1
    assert lines[1].count("not identified") == 2


def test_without_another_prefill_nothing_is_said(tmp_path):
    values = told(0.25, 0.75, 0, 0)
    for key in ("shift_short", "shift_mimicking", "largest_shift", "identified"):
        del values[key]
    table = traces.build(entries(tmp_path, "bypass_gap", {0: values}))
    (row,) = table.to_dict("records")
    assert math.isnan(row["identified"])
    assert (row["verdict"], row["reason"]) == ("", "no other prefill was put")
    line = traces.markdown(table).splitlines()[2]
    assert "NPO" in line
    assert "identified" not in line


def test_memories_have_means_and_ranges_over_seeds(tmp_path):
    seeds = {
        0: {
            "plain": 0.25,
            "passed_none": 0.5,
            "spg_none": 0.25,
            "spg_before": 0,
        },
        1: {
            "plain": 0.75,
            "passed_none": 0.5,
            "spg_none": 0.75,
            "spg_before": 0,
        },
    }
    for values in seeds.values():
        values |= {"passed_before": 1, "passed_after": 0}
    table = agent_memory.build(entries(tmp_path, "state_contamination", seeds))
    (row,) = table.to_dict("records")
    assert (row["seeds"], row["spg_none"], row["spg_none_low"], row["spg_none_high"]) == (
        *(2, 0.5),
        *(0.25, 0.75),
    )
    assert row["passed_none"] == pytest.approx(0.5)
    assert math.isnan(row["spg_after"])
    text = agent_memory.markdown(table)
    assert "0.500 [0.250, 0.750]" in text
    assert " 50% " in text
