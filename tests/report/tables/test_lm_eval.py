"""The table of the harness's scores against hand computation."""

import json

import pytest

from lethe.report.tables import lm_eval
from lethe.report.tables.base import TableData


def results(path, value, error):
    scores = {"alias": "towns", "acc,none": value, "acc_stderr,none": error}
    more = {"n-samples": {"towns": {"original": 9, "effective": 4}}}
    more["higher_is_better"] = {"towns": {"acc": True}}
    path.write_text(json.dumps({"results": {"towns": scores, "others": {"f1,none": 0.9}}, **more}))
    return str(path)


def test_means_over_seeds_and_rows_from_elsewhere(tmp_path):
    own = {"model": "tiny", "split": "forget10", "run": "npo", "tasks": ["towns"]}
    given = {"model": "", "split": "", "run": "theirs", "seed": "", "tasks": ["towns"]}
    files = [
        {**own, "seed": 0, "path": results(tmp_path / "0.json", 0.25, 0.1)},
        {**own, "seed": 1, "path": results(tmp_path / "1.json", 0.75, 0.3)},
        {**given, "path": results(tmp_path / "2.json", 0.5, "N/A")},
    ]
    table = lm_eval.build(TableData(["npo"], [0, 1], files=files))
    ours, theirs = table.to_dict("records")
    assert (ours["run"], ours["task"], ours["score"], ours["seeds"]) == ("npo", "towns", "acc", 2)
    assert (ours["value"], ours["error"], ours["items"]) == pytest.approx((0.5, 0.2, 4))
    assert (theirs["run"], theirs["value"]) == ("theirs", 0.5)
    shown = lm_eval.markdown(table)
    assert "0.5000 ± 0.2000" in shown
    assert "acc ↑" in shown
    assert "others" not in shown
