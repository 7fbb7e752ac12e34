"""The tidy scores: collected, written and read back without loss; broken files are named."""

import json
import math
import re
from pathlib import Path

import pytest
from helpers import synthetic_metrics as made

from lethe.analysis.scores import (
    COLUMNS,
    collect_scores,
    joined_scores,
    read_scores,
    scores_of,
    write_scores,
)
from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, MetricFile


@pytest.fixture
def entries(tmp_path):
    return made.tofus_own(made.write_world(tmp_path / "world", ["npo"]))


def test_a_row_for_each_value(entries):
    scores = collect_scores(entries)
    assert list(scores.columns) == COLUMNS
    # full, retain and five epochs of npo; 4 + 4 + 4 set values, 3 of forget quality, 2 of utility.
    assert len(scores) == 7 * 17
    chosen = scores.query("run == 'npo' and epoch == 3 and metric == 'rouge' and name == 'retain'")
    (entry,) = (e for e in entries if (e["run"], e["metric"]) == ("npo", "rouge"))
    checkpoint = json.loads(Path(entry["path"]).read_text())["checkpoints"][2]
    assert chosen["value"].tolist() == [checkpoint["values"]["retain"]]
    assert chosen["step"].tolist() == [36]


def test_reading_gives_what_was_written(entries, tmp_path):
    scores = collect_scores(entries)
    write_scores(scores, tmp_path / "scores.csv")
    assert read_scores(tmp_path / "scores.csv").equals(scores)
    write_scores(read_scores(tmp_path / "scores.csv"), tmp_path / "again.csv")
    assert (tmp_path / "scores.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()


def test_names_that_look_like_missing_values_survive(entries, tmp_path):
    scores = collect_scores([entry | {"model": "NA", "split": "01"} for entry in entries])
    write_scores(scores, tmp_path / "scores.csv")
    assert read_scores(tmp_path / "scores.csv").equals(scores)


def test_extreme_values_survive(entries, tmp_path):
    scores = collect_scores(entries)
    scores.loc[:2, "value"] = [2.2250738585072014e-308, 0.1 + 0.2, 1e22]
    write_scores(scores, tmp_path / "scores.csv")
    assert read_scores(tmp_path / "scores.csv").equals(scores)


def test_the_same_file_twice(entries):
    with pytest.raises(LetheError, match="two values for tiny, forget10, full, 0, 0, probability"):
        collect_scores([*entries, entries[0]])


def test_two_worlds(entries):
    with pytest.raises(LetheError, match="several worlds"):
        collect_scores([entries[0], entries[1] | {"world": "other"}])


def test_an_incomplete_entry(entries):
    with pytest.raises(LetheError, match="missing seed"):
        collect_scores([{key: value for key, value in entries[0].items() if key != "seed"}])


def test_a_missing_metric_file(entries):
    Path(entries[0]["path"]).unlink()
    with pytest.raises(LetheError, match=re.escape(entries[0]["path"])):
        collect_scores(entries)


def broken(lines, number, column, text):
    cells = lines[number].split(",")
    cells[COLUMNS.index(column)] = text
    return [*lines[:number], ",".join(cells), *lines[number + 1 :]]


@pytest.mark.parametrize("cell", ["", "nan", "inf", "-inf", "many", "1,2"])
@pytest.mark.parametrize("column", ["value", "epoch", "seed"])
def test_a_broken_cell_is_named_by_line(entries, tmp_path, cell, column):
    path = tmp_path / "scores.csv"
    write_scores(collect_scores(entries), path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(broken(lines, 4, column, cell)) + "\n")
    with pytest.raises(LetheError, match=rf"{re.escape(str(path))}, line 5: [^\n]*$"):
        read_scores(path)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", '"', "\x00", "{}"])
def test_not_a_scores_file(tmp_path, text):
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(LetheError, match=r"scores\.csv: .*delete the file"):
        read_scores(tmp_path / "scores.csv")


def test_a_truncated_file(entries, tmp_path):
    path = tmp_path / "scores.csv"
    write_scores(collect_scores(entries), path)
    text = path.read_text()
    path.write_text(text[: text.rindex(",")])
    with pytest.raises(LetheError, match="expected 9 filled columns"):
        read_scores(path)


def test_no_such_file(tmp_path):
    with pytest.raises(LetheError, match="no such file"):
        read_scores(tmp_path / "scores.csv")


def test_floats_are_written_in_full(entries, tmp_path):
    scores = collect_scores(entries)
    write_scores(scores, tmp_path / "scores.csv")
    last = (tmp_path / "scores.csv").read_text().splitlines()[-1].split(",")[-1]
    assert last == repr(float(scores["value"].iloc[-1]))
    assert math.isfinite(float(last))


def test_scores_in_memory_join_those_of_files_once():
    metric = MetricFile("rouge", [CheckpointValues(1, 4, {"forget": 0.5, "retain": 0.25}, {})])
    table = scores_of([metric], model="micro", split="forget10", run="mine")
    assert list(table["value"]) == [0.5, 0.25]
    assert list(table["metric"]) == ["rouge", "rouge"]
    other = scores_of([metric], model="micro", split="forget10", run="other")
    assert list(joined_scores([table, other])["run"]) == ["mine", "mine", "other", "other"]
    with pytest.raises(LetheError, match="two values for micro, forget10, mine"):
        joined_scores([table, table])
