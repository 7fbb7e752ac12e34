"""The table of EDU-RELAT from scores."""

import pandas as pd

from lethe.analysis.scores import COLUMNS
from lethe.report.tables import edu_relat
from lethe.report.tables.base import TableData

VALUES = {
    "full": {"target_told": 1, "recall": 0, "accuracy": 1, "relationships": 1, "biographies": 1},
    "retain": {"target_told": 0, "recall": 0.5, "accuracy": 1, "relationships": 1,
               "biographies": 1},
    "npo": {"target_told": 0, "recall": 0.25, "accuracy": 0.5, "relationships": 0.75,
            "biographies": 0.375},
}  # fmt: skip


def test_a_run_in_one_line():
    rows = [
        ("tiny", "target0", run, 0, 0, 0, "edu_relat", name, value)
        for run, values in VALUES.items()
        for name, value in values.items()
    ]
    table = edu_relat.build(TableData(["npo"], [0], scores=pd.DataFrame(rows, columns=COLUMNS)))
    assert [{k: row[k] for k in VALUES["npo"]} for row in table.to_dict("records")] == [
        *VALUES.values()
    ]
    text = edu_relat.markdown(table)
    assert " 0.250 " in text
    assert "Of what must go, forgotten" in text
