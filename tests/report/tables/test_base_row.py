"""The base in tables: the first row, one model whatever the number of seeds."""

import pandas as pd

from lethe.analysis.scores import COLUMNS
from lethe.report.table_layout import groups, row_label


def scores(*runs) -> pd.DataFrame:
    """One value for each (run, seed, value)."""
    rows = [("m", "forget10", run, seed, 0, 0, "rouge", "retain", v) for run, seed, v in runs]
    return pd.DataFrame(rows, columns=COLUMNS)


TRAINED = [("full", 3, 0.5), ("full", 4, 0.7), ("retain", 3, 0.4), ("retain", 4, 0.6)]


def test_the_base_comes_first_with_its_one_value():
    found = groups(scores(*TRAINED, ("base", 3, 0.1)), [], [3, 4])
    assert [group.name for group in found] == ["base", "full", "retain"]
    assert found[0].values("rouge", "retain") == [0.1]
    assert found[1].values("rouge", "retain") == [0.5, 0.7]


def test_without_the_base_there_is_no_row_of_it():
    assert [group.name for group in groups(scores(*TRAINED), [], [3, 4])] == ["full", "retain"]


def test_every_oracle_of_a_split_has_its_row_and_those_of_further_seeds():
    runs = [("full", 3, 0.5), ("npo", 3, 0.2)]
    runs += [(run, seed, 0.4) for run in ("share", "every") for seed in (3, 9)]
    found = groups(scores(*runs), ["npo"], [3], {"forget10": ("share", "every")})
    assert [(group.name, group.seeds) for group in found] == [
        ("full", (3,)), ("share", (3,)), ("share_other_seed", (9,)),
        ("every", (3,)), ("every_other_seed", (9,)), ("npo", (3,)),
    ]  # fmt: skip
    # Forget quality is measured against the first.
    assert [group.name for group in found if group.oracle] == ["share"]
    assert row_label("share_other_seed") == "share (another seed)"
    assert row_label("retain_other_seed") == "Retain (another seed)"
