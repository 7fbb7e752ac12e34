"""The table at the end of a run."""

import pandas as pd
import pytest
from helpers import synthetic_metrics as made

from lethe.report.closing_table import COLUMNS, PLACE, WIDTH, closing_table
from lethe.report.tables import summary


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    entries = made.write_world(tmp_path_factory.mktemp("world"), ["npo", "grad_ascent"])
    return summary.build(made.table_data(entries, ["npo", "grad_ascent"]))


def lines(table):
    return closing_table(summary.markdown(table)).splitlines()


def test_it_has_each_run_by_its_label_with_rounded_numbers(table):
    place, heading, *rows = lines(table)[:6]
    assert place == "tiny, forget10"
    assert heading.split("  ")[0] == "Run"
    assert [row.split("  ")[0] for row in rows] == ["Finetune", "Retain", "NPO", "Grad. Ascent"]
    npo = table[table["run"] == "npo"].iloc[0]
    low, high = npo["model_utility_low"], npo["model_utility_high"]
    assert f"{npo['model_utility']:.3f} [{low:.3f}, {high:.3f}]" in rows[2]
    assert f"  {npo['forget_rouge']:.3f}  {npo['forget_truth_ratio']:.3f}" in rows[2]


def test_its_columns_are_those_of_the_summary(table):
    markdown = summary.markdown(table)
    headings = [cell.strip() for cell in markdown.splitlines()[0].strip("|").split("|")]
    assert set(PLACE) | set(COLUMNS) <= set(headings)


@pytest.mark.parametrize("run", ["npo", "a_variant_of_a_method_whose_name_" + "goes_on_and_" * 9])
def test_no_line_is_wider_than_a_terminal(table, run):
    long = table.replace({"run": {"npo": run}})
    text = lines(long)
    assert max(map(len, text)) <= WIDTH
    label = run.replace("_", " ")[:20] if run != "npo" else "NPO"
    assert any(line.startswith(label) for line in text)


def test_each_model_and_forget_set_has_a_block(table):
    both = [table, table.assign(model="big")]
    text = lines(pd.concat(both))
    assert [line for line in text if "forget10" in line] == ["tiny, forget10", "big, forget10"]


def test_its_notes_say_what_brackets_and_targets_are(table):
    text = " ".join(lines(table))
    assert "bootstrap interval over items" in text
    assert "their target is the oracle's value." in text
