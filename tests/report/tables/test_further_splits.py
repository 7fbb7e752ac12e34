"""Tables of splits that forget some facts of an author, or a share of a behaviour."""

import math

import pandas as pd
import pytest
from helpers import synthetic_metrics as made

from lethe.report.table_layout import with_metric
from lethe.report.tables import behaviour, deep_unlearning, same_author_retain


@pytest.fixture
def data(tmp_path):
    own = made.write_world(tmp_path, ["npo"])
    # A split without the rows that the two metrics need.
    other = made.tofus_own(made.write_world(tmp_path, ["npo"], split="forget05"))
    return made.table_data([*own, *other], ["npo"])


def add(data, metric, values):
    """The data with more values of a metric, for each run at its last epoch."""
    last = data.scores[data.scores["metric"] == metric]
    last = last[last["epoch"] == last.groupby("run")["epoch"].transform("max")]
    places = last.drop_duplicates(["run", "seed"])
    more = [
        {**row, "metric": name.split(".")[0], "name": name.split(".")[1], "value": value}
        for row in places.to_dict("records")
        for name, value in values.get(row["run"], {}).items()
    ]
    object.__setattr__(data, "scores", pd.concat([data.scores, pd.DataFrame(more)]))
    return data


def test_only_splits_with_the_metric_have_rows(data):
    assert set(with_metric(data.scores, "probability")["split"]) == {"forget10", "forget05"}
    assert set(with_metric(data.scores, "generalisation")["split"]) == {"forget10"}


def test_what_is_kept_is_a_share_of_fulls(data):
    values = {run: {"same_author_retain.kept_rouge": 0.5} for run in ("full", "retain", "npo")}
    values = {run: {**v, "same_author_retain.others_rouge": 0.6} for run, v in values.items()}
    table = same_author_retain.build(add(data, "same_author_retain", values)).set_index("run")
    assert set(table["split"]) == {"forget10"}
    assert table.loc["full", "kept_share"] == 1
    for whose in ("kept", "others"):
        share = table.loc["npo", f"{whose}_probability"] / table.loc["full", f"{whose}_probability"]
        assert table.loc["npo", f"{whose}_share"] == pytest.approx(share)
    text = same_author_retain.markdown(table.reset_index())
    assert text.count("| forget10") == 3


def test_what_is_not_defined_is_empty(data):
    both = {"behaviour.given_probability": 0.4, "generalisation.forgetting": 0.25}
    both |= {f"generalisation.{name}": 0.1 for name in behaviour.KNOWN}
    values = {run: both for run in ("full", "retain", "npo")}
    values["npo"] = {**both, "generalisation.generalisation": 0.75}
    table = behaviour.build(add(data, "generalisation", values)).set_index("run")
    assert table.loc["npo", "generalisation"] == 0.75
    assert math.isnan(table.loc["full", "generalisation"])
    assert math.isnan(table.loc["npo", "rest"])
    assert table.loc["npo", "given"] == 0.4
    lines = behaviour.markdown(table.reset_index()).splitlines()
    (npo,) = [line for line in lines if "NPO" in line]
    assert "0.75" in npo
    assert "nan" not in "".join(lines)


def test_targets_that_follow_have_a_row_for_each_run(data):
    table = deep_unlearning.build(data).set_index("run")
    assert set(table["split"]) == {"forget10"}
    assert list(table.index) == ["full", "retain", "npo"]
    npo = table.loc["npo"]
    assert npo["recall"] == pytest.approx(1 - npo["deducible"])
    assert "Other facts told" in deep_unlearning.markdown(table.reset_index())
