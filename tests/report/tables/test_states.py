"""The table of states against hand computation."""

import json
import re

import pandas as pd
import pytest

from lethe.analysis.scores import COLUMNS
from lethe.report.tables import states
from lethe.report.tables.base import TableData


def entry(folder, run, state, seed, forget):
    """A metric file of a state, and its entry."""
    file = folder / f"{run}_{state}_{seed}.json"
    checkpoint = {"epoch": 5, "step": 10, "values": {"forget": forget, "retain": 0.5}}
    file.write_text(json.dumps({"format": 1, "metric": "probability", "checkpoints": [checkpoint]}))
    place = {"world": "w", "model": "tiny", "split": "forget10", "run": run, "state": state}
    return {**place, "seed": seed, "metric": "probability", "path": str(file)}


@pytest.fixture
def data(tmp_path):
    scores = [
        ("tiny", "forget10", run, seed, epoch, 2 * epoch, "probability", "forget", value)
        for run, seed, epoch, value in [
            ("full", 0, 0, 0.9),
            ("retain", 0, 0, 0.3),
            ("npo", 0, 1, 0.6),
            ("npo", 0, 5, 0.2),
            ("npo", 1, 5, 0.4),
            ("idk", 0, 5, 0.1),
        ]
    ]
    files = [
        entry(tmp_path, run, state, seed, value)
        for run, state, seed, value in [
            ("retain", "relearned", 0, 0.5),
            ("npo", "relearned", 0, 0.7),
            ("npo", "relearned", 1, 0.9),
            ("npo", "quantised4", 0, 0.25),
            ("npo", "quantised4", 1, 0.35),
        ]
    ]
    return TableData(["npo", "idk"], [0, 1], pd.DataFrame(scores, columns=COLUMNS), files=files)


def test_each_run_is_followed_by_its_states(data):
    table = states.build(data)
    rows = [tuple(row) for row in table[["run", "state"]].to_numpy()]
    own = [("retain", "as_it_is"), ("retain", "relearned")]
    assert rows == [*own, *(("npo", s) for s in ("as_it_is", "relearned", "quantised4"))]
    numbers = table.set_index(["run", "state"])["forget_probability"]
    assert numbers.tolist() == pytest.approx([0.3, 0.5, 0.3, 0.8, 0.3])
    assert table["forget_probability_change"].tolist() == pytest.approx([0, 0.2, 0, 0.5, 0])
    # Nothing else was computed.
    assert [c for c in table if c.endswith("_change")] == ["forget_probability_change"]
    # From the oracle in the same state; it was not quantised.
    away = table["forget_probability_minus_oracle"].tolist()
    assert away == pytest.approx([0, 0, 0, 0.3, float("nan")], nan_ok=True)


def test_markdown_says_what_changed(data):
    text = states.markdown(states.build(data))
    assert "| NPO    | as it is   | 0.300 " in text
    assert re.search(r"\| NPO    \| relearned  \| 0.800 \(\+0.500\) *\| \+0.300 ", text)
    assert "nan" not in text


def test_hidden_knowledge_is_shown_where_it_was_measured(data, tmp_path):
    file = tmp_path / "hidden.json"
    values = {"recovered": 0.4, "oracle": 0.3, "hidden": 0.1}
    point = {"epoch": 5, "step": 10, "values": values}
    document = {"format": 1, "metric": "hidden_knowledge", "checkpoints": [point]}
    file.write_text(json.dumps(document))
    (like, *_) = (one for one in data.files if one["run"] == "npo")
    data.files.append({**like, "metric": "hidden_knowledge", "path": str(file)})
    table = states.build(data)
    rows = table[table["run"] == "npo"].set_index("state")
    assert rows.loc["relearned", "recovered"] == 0.4
    assert rows.loc["relearned", "hidden"] == 0.1
    assert rows.loc[["as_it_is", "quantised4"], "hidden"].isna().all()
    assert not any(name.startswith(("hidden_", "recovered_")) for name in table)
    assert "Hidden knowledge" in states.markdown(table)
