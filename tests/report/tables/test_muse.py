"""The table of MUSE from scores: its columns, and what it says of scalability."""

import pandas as pd

from lethe.analysis.scores import COLUMNS
from lethe.report.tables import muse
from lethe.report.tables.base import TableData

VALUES = {
    "verbmem": {"forget": 0.25},
    "knowmem": {"forget": 0.125, "retain": 0.5},
    "muse_privleak": {"privleak": -12.5},
}


def data(values, splits=("muse_raw",)):
    """Scores of three runs, those of the last epoch of the method twice as high."""
    rows = [
        ("tiny", split, run, 0, epoch, epoch, metric, name, value * (epoch or 1))
        for split in splits
        for run, epochs in (("full", (0,)), ("retain", (0,)), ("npo", (1, 2)))
        for epoch in epochs
        for metric, numbers in values.items()
        for name, value in numbers.items()
    ]
    return TableData(["npo"], [0], scores=pd.DataFrame(rows, columns=COLUMNS))


def test_a_run_in_one_line_with_four_of_the_six_ways():
    table = muse.build(data(VALUES))
    assert list(table["run"]) == ["full", "retain", "npo"]
    full, _, npo = table.to_dict("records")
    keys = ("verbmem", "knowmem_forget", "privleak", "utility")
    assert [full[key] for key in keys] == [0.25, 0.125, -12.5, 0.5]
    assert (npo["epoch"], npo["privleak"]) == (2, -25)
    text = muse.markdown(table)
    assert "-25.0" in text
    assert "Scalability: not measured; list several splits" in text
    assert "Sustainability: not measured" in text


def test_what_both_sets_say_is_a_column_where_it_was_asked():
    asked = VALUES | {"knowmem": VALUES["knowmem"] | {"shared": 0.75}}
    table = muse.build(data(asked))
    assert list(table["shared"]) == [0.75, 0.75, 1.5]
    assert "| Knowledge of both ↑" in muse.markdown(table)
    assert "shared" not in muse.build(data(VALUES))


def test_growing_forget_sets_are_scalability():
    table = muse.build(data(VALUES, ("muse_scal_1", "muse_scal_2", "muse_scal_4")))
    assert "Scalability: the change from muse_scal_1 to muse_scal_4." in muse.markdown(table)
    assert set(table["split"]) == {"muse_scal_1", "muse_scal_2", "muse_scal_4"}


def test_requests_one_after_another_are_sustainability():
    text = muse.markdown(muse.build(data(VALUES, ("muse_sust_1", "muse_sust_2"))))
    assert "Sustainability: the change from muse_sust_1 to muse_sust_2." in text
    assert "Scalability: not measured" in text


def test_what_was_not_measured_has_no_column():
    table = muse.build(data({"verbmem": {"forget": 0.25}, "knowmem": VALUES["knowmem"]}))
    assert "privleak" not in table
    assert "Privacy" not in muse.markdown(table)
