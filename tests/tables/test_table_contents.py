"""Summary and utility against hand computation."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest
import synthetic_metrics as made

from lethe import tables
from lethe.errors import LetheError
from lethe.tables import summary, utility
from lethe.tables.scores import COLUMNS, collect_scores, write_scores
from lethe.tables.shape import OTHER_RETAIN, cell

SETS = ("forget", "retain", "real_authors", "world_facts")


def rows(run, seed, epoch, level, p=None, split="forget10"):
    """All values of one checkpoint: ``level`` for each set, a tenth more for ROUGE."""
    place = ("tiny", split, run, seed, epoch, 2 * epoch)
    found = []
    for metric, extra in (("probability", 0.0), ("rouge", 0.1), ("truth_ratio", 0.0)):
        found += [(*place, metric, name, level + extra) for name in SETS]
    found.append((*place, "model_utility", "model_utility", level / 2))
    found.append((*place, "model_utility", "retain_utility", level / 4))
    if p is not None:
        found.append((*place, "forget_quality", "forget_quality", p))
        found.append((*place, "forget_quality", "log10_forget_quality", math.log10(p)))
    return found


def hand_made(split="forget10"):
    return pd.DataFrame(
        [
            *rows("npo", 0, 1, 0.9, 1e-9, split),
            *rows("npo", 0, 2, 0.4, 1e-4, split),
            *rows("npo", 1, 1, 0.9, 1e-9, split),
            *rows("npo", 1, 2, 0.6, 1e-2, split),
            *rows("full", 0, 0, 0.8, 1e-20, split),
            *rows("full", 1, 0, 0.8, 1e-20, split),
            *rows("retain", 0, 0, 0.7, None, split),
            *rows("retain", 1, 0, 0.7, None, split),
            *rows("retain", 100, 0, 0.7, 0.5, split),
        ],
        columns=COLUMNS,
    )


def test_summary_by_hand():
    table = summary.build(hand_made(), ["npo"], [0, 1])
    assert table["run"].tolist() == ["full", "retain", OTHER_RETAIN, "npo"]
    npo = table.iloc[3]
    assert (npo["epoch"], npo["seeds"]) == (2, 2)
    assert npo["forget_quality"] == pytest.approx((1e-4 + 1e-2) / 2)
    assert npo["log10_forget_quality"] == pytest.approx(-3)
    assert npo["log10_forget_quality_sd"] == pytest.approx(math.sqrt(2))
    assert npo["model_utility"] == pytest.approx(0.25)
    assert npo["forget_probability"] == pytest.approx(0.5)
    assert npo["forget_probability_sd"] == pytest.approx(0.1 * math.sqrt(2))
    assert npo["forget_rouge"] == pytest.approx(0.6)
    assert npo["forget_truth_ratio"] == pytest.approx(0.5)
    assert npo["retain_utility"] == pytest.approx(0.125)


def test_the_oracle_equals_itself_and_another_is_measured():
    table = summary.build(hand_made(), ["npo"], [0, 1]).set_index("run")
    assert table.loc["retain", "forget_quality"] == 1
    assert table.loc["retain", "log10_forget_quality"] == 0
    assert table.loc[OTHER_RETAIN, "forget_quality"] == 0.5
    assert table.loc[OTHER_RETAIN, "seeds"] == 1
    assert math.isnan(table.loc[OTHER_RETAIN, "forget_quality_sd"])


def test_another_oracle_must_have_been_measured():
    scores = hand_made()
    lacking = scores[~((scores["seed"] == 100) & (scores["metric"] == "forget_quality"))]
    with pytest.raises(LetheError, match=r"retain/seed100 has no forget_quality"):
        summary.build(lacking, ["npo"], [0, 1])


def test_no_row_of_other_oracles_without_other_seeds():
    scores = hand_made()
    table = summary.build(scores[scores["seed"] < 2], ["npo"], [0, 1])
    assert table["run"].tolist() == ["full", "retain", "npo"]


def test_rows_follow_the_configuration_split_by_split():
    scores = pd.concat([hand_made("forget10"), hand_made("forget01")])
    scores = pd.concat([scores, scores[scores["run"] == "npo"].assign(run="idk")])
    table = summary.build(scores, ["npo", "idk"], [0, 1])
    runs = ["full", "retain", OTHER_RETAIN, "npo", "idk"]
    assert table["run"].tolist() == runs * 2
    assert table["split"].tolist() == ["forget10"] * 5 + ["forget01"] * 5


def test_utility_by_hand():
    table = utility.build(hand_made(), ["npo"], [0, 1]).set_index("run")
    npo = table.loc["npo"]
    for name in ("retain", "real_authors", "world_facts"):
        assert npo[f"{name}_probability"] == pytest.approx(0.5)
        assert npo[f"{name}_rouge"] == pytest.approx(0.6)
        assert npo[f"{name}_truth_ratio"] == pytest.approx(0.5)
    assert npo["model_utility"] == pytest.approx(0.25)
    assert sum(not key.endswith("_sd") for key in table.columns) == 4 + 10


@pytest.mark.parametrize("table", [summary, utility])
def test_missing_runs_and_seeds(table):
    with pytest.raises(LetheError, match="no rows for tiny/forget10/idk"):
        table.build(hand_made(), ["npo", "idk"], [0, 1])
    with pytest.raises(LetheError, match="tiny/forget10/full/seed3 has no"):
        table.build(hand_made(), ["npo"], [0, 1, 3])


def test_seeds_that_end_at_different_epochs():
    scores = hand_made()
    short = scores[~((scores["seed"] == 1) & (scores["epoch"] == 2))]
    with pytest.raises(LetheError, match=r"tiny/forget10/npo ends at epochs \[1, 2\]"):
        summary.build(short, ["npo"], [0, 1])


def test_a_metric_that_lacks_the_last_epoch_is_not_taken_from_an_earlier_one():
    scores = hand_made()
    lacking = scores[~((scores["metric"] == "rouge") & (scores["epoch"] == 2))]
    with pytest.raises(LetheError, match=r"npo/seed0 has no rouge\.forget"):
        summary.build(lacking, ["npo"], [0, 1])


def test_markdown_is_for_readers():
    text = summary.markdown(summary.build(hand_made(), ["npo"], [0, 1]))
    header, _, *lines = text.splitlines()
    columns = [column.strip() for column in header.strip("|").split("|")]
    assert columns[4:8] == [
        "Forget quality (p) ↑",
        "log₁₀ p ↑",
        "Model utility ↑",
        "Forget probability ↓",
    ]
    assert [re.split(r"\s*\|\s*", line)[3] for line in lines] == [
        "Finetune",
        "Retain",
        "Retain (another seed)",
        "NPO",
    ]
    assert "1.00e-20" in lines[0]
    assert "0.500 ± 0.141" in lines[3]
    assert "nan" not in text


@pytest.mark.parametrize(
    ("mean", "deviation", "digits", "text"),
    [
        (0.51234, math.nan, ".3f", "0.512"),
        (0.5, 0.004, ".3f", "0.500 ± 0.004"),
        (1.097e-19, math.nan, "p", "1.10e-19"),
        (0.9003, math.nan, "p", "0.900"),
        (0.0297, 5e-4, "p", "0.030 ± 5.00e-04"),
        (0.0, math.nan, "p", "0"),
    ],
)
def test_cells(mean, deviation, digits, text):
    assert cell(mean, deviation, digits) == text


def test_rendered_files(tmp_path):
    entries = made.write_world(tmp_path / "world", ["npo"], other_oracles=(100,))
    write_scores(collect_scores(entries), tmp_path / "scores.csv")
    for name in tables.names():
        files = [tmp_path / f"{name}{number}" for number in ("1.csv", "1.md", "2.csv", "2.md")]
        tables.render(name, tmp_path / "scores.csv", ["npo"], [0], *files[:2])
        tables.render(name, tmp_path / "scores.csv", ["npo"], [0], *files[2:])
        assert files[0].read_bytes() == files[2].read_bytes()
        assert files[1].read_bytes() == files[3].read_bytes()
        table = pd.read_csv(files[0])
        assert table["run"].tolist() == ["full", "retain", OTHER_RETAIN, "npo"]
        assert table["model_utility"].notna().all()
        assert table["model_utility_sd"].isna().all()


def test_broken_scores_leave_no_table(tmp_path):
    (tmp_path / "scores.csv").write_text("broken")
    with pytest.raises(LetheError, match=r"scores\.csv"):
        tables.render(
            "summary", tmp_path / "scores.csv", ["npo"], [0], tmp_path / "a.csv", tmp_path / "a.md"
        )
    assert [file.name for file in tmp_path.iterdir()] == ["scores.csv"]


def test_tables_are_found_by_name():
    assert tables.names() == ["summary", "utility"]
    with pytest.raises(LetheError, match=r"'ranking'.*summary, utility"):
        tables.render("ranking", "scores.csv", [], [], "a.csv", "a.md")


def test_every_table_has_a_caption_that_knows_the_world_only():
    folder = Path(__file__).parents[2] / "workflow" / "report"
    for name in ("scores", *tables.names()):
        caption = (folder / f"{name}.rst").read_text()
        assert set(re.findall(r"{{ (.*?) }}", caption)) == {"snakemake.wildcards.world"}
