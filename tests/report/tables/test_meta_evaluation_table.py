"""The table of metrics under test."""

import json

import pandas as pd
import pytest

from lethe.analysis.meta_evaluation import meta_evaluation
from lethe.report.tables import meta_evaluation as table_of
from lethe.report.tables.base import TableData

POOLS = {
    "with": [{"a": {"x": 0.5}, "b": {"y": 0.9}}],
    "without": [{"a": {"x": 0.6}, "b": {"y": 0.1}}],
}


def test_the_most_faithful_comes_first_and_what_is_not_defined_is_empty(tmp_path):
    full, oracle = {"a": {"x": 1.0}, "b": {"y": 1.0}}, {"a": {"x": 0.0}, "b": {"y": 0.0}}
    path = tmp_path / "meta_evaluation.json"
    path.write_text(json.dumps({"metrics": meta_evaluation(POOLS, full, oracle, [], 0.8)}))
    entry = {"model": "tiny", "split": "forget10", "path": str(path)}
    table = table_of.build(TableData([], [0], files=[entry]))
    assert list(table["faithfulness"]) == [0, 1]
    assert table["overall_symmetric"].isna().all()
    text = table_of.markdown(table)
    assert text.index("b.y") < text.index("a.x")
    assert "1.000 [1.000, 1.000]" in text
    assert table_of.build(TableData([], [0])).equals(pd.DataFrame())
    assert set(table_of.PAGE["columns"]) <= set(table)


@pytest.mark.parametrize("key", table_of.NUMBERS)
def test_every_number_is_a_column(key):
    (row, _) = meta_evaluation(
        POOLS, {"a": {"x": 1}, "b": {"y": 1}}, {"a": {"x": 0}, "b": {"y": 0}}, [], 0
    )
    assert key in row
