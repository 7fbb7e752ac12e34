"""Strategies compared at equal budget, and what the claims of FML-bench read of that."""

import json

import numpy as np
import pandas as pd
import pytest

from lethe.analysis.claims.papers import fml_bench
from lethe.analysis.claims.runs import Runs
from lethe.analysis.scores import COLUMNS
from lethe.common.errors import LetheError
from lethe.report.tables import strategies
from lethe.report.tables.base import TableData

# (validation, test) of each trial, by strategy and repeat.
SEARCHES = {
    ("greedy", 0): [(0.2, 0.3), (0.1, 0.9), (0.6, 0.5)],
    ("greedy", 1): [(0.2, 0.3), (0.4, 0.1), (0.4, 0.9)],
    ("random", 0): [(0.2, 0.3), (0.2, 0.8), (0.1, 0.1)],
    ("random", 1): [(0.2, 0.3), (0.1, 0.8), (0.3, 0.1)],
}


@pytest.fixture
def data(tmp_path) -> TableData:
    files = []
    for (strategy, repeat), trials in SEARCHES.items():
        listed = [{"trial": f"t{n}", "validation": v, "test": t} for n, (v, t) in enumerate(trials)]
        file = tmp_path / f"{strategy}{repeat}.json"
        file.write_text(json.dumps({"format": 1, "trials": listed, "chosen": "t0"}))
        place = {"model": "tiny", "split": "forget10", "seed": 0, "path": str(file)}
        files.append(place | {"strategy": strategy, "repeat": repeat})
    return TableData([], [0], files=files)


def test_what_a_search_has_found_after_each_trial(data):
    table = strategies.build(data).set_index(["strategy", "trials"])
    greedy = table.loc["greedy"]
    assert greedy["validation"].tolist() == pytest.approx([0.2, 0.3, 0.5])
    # Of the best on the validation half; of equal trials the earlier.
    assert greedy["test"].tolist() == pytest.approx([0.3, (0.3 + 0.1) / 2, (0.5 + 0.1) / 2])
    assert greedy["gap"].tolist() == pytest.approx([-0.1, 0.1, 0.2])
    # The highest score of any search is .6, the start's .2.
    assert greedy["progress"].tolist() == pytest.approx([0, (0 + 0.5) / 2, (1 + 0.5) / 2])
    assert table.loc["random"]["progress"].tolist() == pytest.approx([0, 0, (0 + 0.25) / 2])
    assert (greedy["searches"] == 2).all()


def test_readers_see_the_end_of_the_budget(data):
    text = strategies.markdown(strategies.build(data))
    rows = [line for line in text.splitlines() if line.startswith("| tiny")]
    assert len(rows) == 2
    assert "greedy" in rows[0]
    assert "0.500 [" in rows[0]


def test_claims_read_the_searches(data):
    searched = strategies.of_searches(data.files)
    runs = Runs(pd.DataFrame(columns=COLUMNS), searched, ("tiny", "forget10"), 0)
    assert runs.searched("greedy") == pytest.approx([0.6, 0.4])
    assert runs.searched("greedy", "gap") == pytest.approx([0.1, 0.3])
    assert fml_bench.lead(runs, "greedy", "random") == pytest.approx(0.5 - 0.25)
    spread = np.std([0.6, 0.4], ddof=1)
    beyond = fml_bench.beyond_spread(runs, "greedy", "random")
    assert beyond == pytest.approx(0.25 - spread)
    with pytest.raises(LetheError, match="no study of the strategy uct; list it"):
        runs.searched("uct")


def test_where_nothing_is_gained_nobody_makes_progress(tmp_path, data):
    flat = json.dumps({"trials": [{"trial": "t", "validation": 0.0, "test": 0.0}] * 2})
    for entry in data.files:
        (tmp_path / entry["path"]).write_text(flat)
    assert (strategies.build(data)["progress"] == 0).all()
