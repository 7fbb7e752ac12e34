"""The table of searches."""

import json

from lethe.report.tables import search
from lethe.report.tables.base import TableData


def test_the_chosen_trial_stands_beside_the_configured_one(tmp_path):
    same = {"validation_closeness": 0.5, "test_closeness": 0.5, "model_utility": 0.1}
    trials = [
        {"trial": "npo", "settings": {}, "validation": 0.4, "test": 0.35, **same},
        {"trial": "npo_trial1", "settings": {"lr": 0.001}, "validation": 0.6, "test": 0.5, **same},
    ]
    file = tmp_path / "search.json"
    file.write_text(json.dumps({"format": 1, "trials": trials, "chosen": "npo_trial1"}))
    entry = {"model": "tiny", "split": "forget10", "run": "npo", "seed": 0, "path": str(file)}
    table = search.build(TableData(["npo"], [0], files=[entry]))
    assert table["chosen"].tolist() == [False, True]
    assert table["test"].tolist() == [0.35, 0.5]
    line = search.markdown(table).splitlines()[2]
    assert [cell.strip() for cell in line.split("|")[3:-1]] == [
        "NPO", "0", "2", "lr 0.001", "0.600", "0.500", "0.350",
    ]  # fmt: skip
