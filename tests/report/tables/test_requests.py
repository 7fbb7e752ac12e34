"""The table of a sequence of requests."""

import math

import pytest
from helpers import made_sequences as made

from lethe.report.page.tables import page_table
from lethe.report.tables import request_modalities, requests
from lethe.report.tables.base import TableData

AFTER = made.after


def table(tmp_path, seeds=(0,)):
    data = TableData(["ordinary"], list(seeds), files=made.write(tmp_path, seeds))
    return requests.build(data)


def test_each_run_has_its_measures_after_the_last_request(tmp_path):
    found = table(tmp_path).set_index("run")
    assert [*found.index] == ["full", "without_asked", "npo", "guard_it"]
    assert set(found["requests"]) == {3}
    npo, values = found.loc["npo"], made.files()["npo"].checkpoints[-1].values
    for name in ("forgetting", "preservation", "rebound", "stability", "retained_mean"):
        assert npo[name] == values[name]
    # .4 and .5 after .3; .1 after .2.
    assert npo["rebound"] == pytest.approx(((0.5 - 0.3) + 0.0) / 2)
    assert found.loc["guard_it", "rebound"] == 0
    assert npo["forget_quality"] == 0.25


def test_what_is_not_defined_of_a_run_is_left_out(tmp_path):
    found = table(tmp_path).set_index("run")
    for name in ("rebound", "stability", "retained_mean"):
        assert math.isnan(found.loc["full", name])
        assert math.isnan(found.loc["without_asked", name])
    # Full is what others are held against.
    for name in ("forgetting", "preservation", "retained", "forget_quality"):
        assert math.isnan(found.loc["full", name])
    assert found.loc["without_asked", "forgetting"] > 0.5
    text = requests.markdown(table(tmp_path))
    assert "| Finetune |" in " ".join(text.split())
    assert "nan" not in text


def test_over_seeds_there_are_means_and_intervals(tmp_path):
    seeds = (0, 1, 2)
    npo = table(tmp_path, seeds).set_index("run").loc["npo"]
    assert npo["seeds"] == 3
    # The retain set keeps .6, .61 and .62 of .9.
    assert npo["retained"] == pytest.approx(0.61 / 0.9)
    assert (npo["retained_low"], npo["retained_high"]) == pytest.approx((0.6 / 0.9, 0.62 / 0.9))
    assert "3 seeds" in requests.markdown(table(tmp_path, seeds))


# --- by modality ---


def by_modality(tmp_path, seeds=(0,)):
    data = TableData(["ordinary"], list(seeds), files=made.write(tmp_path, seeds))
    return request_modalities.build(data)


def test_each_modality_of_a_run_has_its_measures(tmp_path):
    found = by_modality(tmp_path).set_index(["run", "modality"])
    assert {modality for _, modality in found.index} == {"text", "picture"}
    text, picture = (found.loc["npo", modality] for modality in ("text", "picture"))
    assert text["rebound"] == pytest.approx(((0.5 - 0.3) + 0.0) / 2)
    assert picture["rebound"] == pytest.approx(text["rebound"] / 2)
    # Shares of what full knows do not depend on how much that is.
    assert picture["forgetting"] == pytest.approx(text["forgetting"])
    assert picture["earlier"] == pytest.approx(text["earlier"] / 2)
    assert math.isnan(found.loc[("full", "text"), "forgetting"])
    assert math.isnan(found.loc[("without_asked", "text"), "rebound"])
    assert "nan" not in request_modalities.markdown(by_modality(tmp_path))


def test_the_page_says_of_each_row_how_it_is_asked(tmp_path):
    file = tmp_path / "request_modalities.csv"
    by_modality(tmp_path).to_csv(file, index=False)
    shown = page_table(file, {"columns": request_modalities.PAGE["columns"]})
    asked = shown.headings.index("Asked by")
    assert [row[asked].text for row in shown.rows[-2:]] == ["text", "picture"]


def test_without_modalities_there_is_nothing_to_show(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "after", lambda *values: AFTER(*values, parts={}))
    found = by_modality(tmp_path)
    assert not len(found)
    assert "No request" in request_modalities.markdown(found)
