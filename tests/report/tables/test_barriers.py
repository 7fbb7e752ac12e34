"""The table of loss barriers against hand computation."""

import pytest

from lethe.analysis.barriers import barrier_file
from lethe.evaluate.interpolation import Line
from lethe.metrics.base import write_metric
from lethe.report.tables import barriers
from lethe.report.tables.base import TableData


def test_means_and_ranges_over_seeds(tmp_path):
    files = []
    for seed, middle in enumerate((1.0, 2.0)):
        path = tmp_path / f"{seed}.json"
        line = Line([0, 0.5, 1], {"retain": [0.2, middle, 0.4], "forget": [3.0, 2.0, 1.0]})
        write_metric(path, barrier_file(line))
        place = {"model": "tiny", "split": "forget10", "run": "npo", "state": "to_npo_signadam"}
        files.append({**place, "seed": seed, "metric": "barrier", "path": str(path)})
    table = barriers.build(TableData(["npo"], [0, 1], files=files))
    (row,) = table.to_dict("records")
    assert (row["run"], row["other"], row["seeds"]) == ("npo", "npo_signadam", 2)
    assert row["retain"] == pytest.approx(1.1)
    assert (row["retain_low"], row["retain_high"]) == pytest.approx((0.6, 1.6))
    assert (row["retain_at"], row["forget"], row["forget_at"]) == (0.5, 0, 0)
    assert "1.100 [0.600, 1.600]" in barriers.markdown(table)
