"""Summary and utility against hand computation."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest
from helpers import synthetic_metrics as made

from lethe.analysis.scores import COLUMNS
from lethe.common.errors import LetheError
from lethe.report import table_layout, tables
from lethe.report.closing_table import closing_table
from lethe.report.table_layout import bracketed
from lethe.report.tables import summary, utility
from lethe.report.tables.base import TableData

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


def of_seed(seed):
    scores = hand_made()
    return scores[scores["seed"] == seed]


def made_of(scores, methods=("npo",), seeds=(0, 1), intervals=None):
    return TableData(methods, seeds, scores, intervals or {})


def test_summary_by_hand():
    table = summary.build(made_of(hand_made()))
    assert table["run"].tolist() == ["full", "retain", "retain_other_seed", "npo"]
    npo = table.iloc[3]
    assert (npo["epoch"], npo["seeds"]) == (2, 2)
    assert npo["forget_quality"] == pytest.approx((1e-4 + 1e-2) / 2)
    assert npo["log10_forget_quality"] == pytest.approx(-3)
    assert npo["log10_forget_quality_sd"] == pytest.approx(math.sqrt(2))
    assert (npo["log10_forget_quality_low"], npo["log10_forget_quality_high"]) == (-4, -2)
    assert npo["interval"] == "seeds"
    assert npo["model_utility"] == pytest.approx(0.25)
    assert npo["forget_probability"] == pytest.approx(0.5)
    assert npo["forget_probability_sd"] == pytest.approx(0.1 * math.sqrt(2))
    assert npo["forget_rouge"] == pytest.approx(0.6)
    assert npo["forget_truth_ratio"] == pytest.approx(0.5)
    assert npo["retain_utility"] == pytest.approx(0.125)
    assert (npo["retain_utility_low"], npo["retain_utility_high"]) == pytest.approx((0.1, 0.15))


def test_a_single_seed_has_the_interval_over_its_items():
    place = ("tiny", "forget10", "npo", 1)
    intervals = {
        (*place, 2, "probability", "forget"): (0.5, 0.7),
        # Of another epoch and of another seed: not those of this row.
        (*place, 1, "rouge", "forget"): (0.1, 0.2),
        ("tiny", "forget10", "npo", 0, 2, "rouge", "forget"): (0.3, 0.4),
    }
    table = summary.build(made_of(of_seed(1), ["npo"], [1], intervals)).set_index("run")
    npo = table.loc["npo"]
    assert npo["interval"] == "items"
    assert (npo["forget_probability_low"], npo["forget_probability_high"]) == (0.5, 0.7)
    for key in ("forget_rouge", "forget_quality", "model_utility"):
        assert math.isnan(npo[f"{key}_low"])
        assert math.isnan(npo[f"{key}_sd"])
    text = summary.markdown(table.reset_index())
    assert "0.600 [0.500, 0.700]" in text
    assert "Brackets of a single seed: 95% bootstrap interval over items" in text
    assert "seeds:" not in text


def test_the_oracle_equals_itself_and_another_is_measured():
    table = summary.build(made_of(hand_made())).set_index("run")
    assert table.loc["retain", "forget_quality"] == 1
    assert table.loc["retain", "log10_forget_quality"] == 0
    assert table.loc["retain_other_seed", "forget_quality"] == 0.5
    assert table.loc["retain_other_seed", "seeds"] == 1
    assert math.isnan(table.loc["retain_other_seed", "forget_quality_sd"])


def test_another_oracle_must_have_been_measured():
    scores = hand_made()
    lacking = scores[~((scores["seed"] == 100) & (scores["metric"] == "forget_quality"))]
    with pytest.raises(LetheError, match=r"retain/seed100 has no forget_quality"):
        summary.build(made_of(lacking))


def test_no_row_of_other_oracles_without_other_seeds():
    scores = hand_made()
    table = summary.build(made_of(scores[scores["seed"] < 2]))
    assert table["run"].tolist() == ["full", "retain", "npo"]


def test_rows_follow_the_configuration_split_by_split():
    scores = pd.concat([hand_made("forget10"), hand_made("forget01")])
    scores = pd.concat([scores, scores[scores["run"] == "npo"].assign(run="idk")])
    table = summary.build(made_of(scores, ["npo", "idk"], [0, 1]))
    runs = ["full", "retain", "retain_other_seed", "npo", "idk"]
    assert table["run"].tolist() == runs * 2
    assert table["split"].tolist() == ["forget10"] * 5 + ["forget01"] * 5


def test_utility_by_hand():
    table = utility.build(made_of(hand_made())).set_index("run")
    npo = table.loc["npo"]
    for name in ("retain", "real_authors", "world_facts"):
        assert npo[f"{name}_probability"] == pytest.approx(0.5)
        assert npo[f"{name}_rouge"] == pytest.approx(0.6)
        assert npo[f"{name}_truth_ratio"] == pytest.approx(0.5)
    assert npo["model_utility"] == pytest.approx(0.25)
    assert npo["world_facts_rouge_low"] == pytest.approx(0.5)
    assert npo["world_facts_rouge_high"] == pytest.approx(0.7)
    extra = ("_sd", "_low", "_high")
    assert sum(not key.endswith(extra) for key in table.columns) == 5 + 10


@pytest.mark.parametrize("table", [summary, utility])
def test_missing_runs_and_seeds(table):
    with pytest.raises(LetheError, match="no rows for tiny/forget10/idk"):
        table.build(made_of(hand_made(), ["npo", "idk"], [0, 1]))
    with pytest.raises(LetheError, match="tiny/forget10/full/seed3 has no"):
        table.build(made_of(hand_made(), ["npo"], [0, 1, 3]))


def test_seeds_that_end_at_different_epochs():
    scores = hand_made()
    short = scores[~((scores["seed"] == 1) & (scores["epoch"] == 2))]
    with pytest.raises(LetheError, match=r"tiny/forget10/npo ends at epochs \[1, 2\]"):
        summary.build(made_of(short))


def test_a_metric_that_lacks_the_last_epoch_is_not_taken_from_an_earlier_one():
    scores = hand_made()
    lacking = scores[~((scores["metric"] == "rouge") & (scores["epoch"] == 2))]
    with pytest.raises(LetheError, match=r"npo/seed0 has no rouge\.forget"):
        summary.build(made_of(lacking))


def test_markdown_is_for_readers():
    of_items = {("tiny", "forget10", "retain", 100, 0, "rouge", "forget"): (0.7, 0.9)}
    text = summary.markdown(summary.build(made_of(hand_made(), intervals=of_items)))
    text, notes = text.split("\n\n")
    header, _, *lines = text.splitlines()
    columns = [column.strip() for column in header.strip("|").split("|")]
    assert columns[4:8] == [
        "Forget quality (p) ↑",
        "log₁₀ p ↑",
        "Model utility ↑",
        "Forget probability",
    ]
    assert columns[8] == "Forget probability − oracle's → 0"
    assert [re.split(r"\s*\|\s*", line)[3] for line in lines] == [
        "Finetune",
        "Retain",
        "Retain (another seed)",
        "NPO",
    ]
    assert "1.00e-20" in lines[0]
    assert "0.500 [0.400, 0.600]" in lines[3]
    assert "nan" not in text
    assert notes.splitlines() == [
        "Brackets of a single seed: 95% bootstrap interval over items; p-values have none.",
        "Brackets of 2 seeds: their range, which covers the median over seeds in 50%; before them, "
        "the mean.",
        "Of the forget set's probability, ROUGE and truth ratio neither high nor low is better: "
        "their target is the oracle's value.",
    ]


def test_a_table_without_brackets_explains_none():
    text = summary.markdown(summary.build(made_of(of_seed(1), seeds=[1])))
    assert "Brackets" not in text
    assert "[" not in text


@pytest.mark.parametrize("metric", ["probability", "rouge", "truth_ratio", "model_utility"])
@pytest.mark.parametrize("table", [summary, utility])
def test_numbers_of_metrics_that_were_not_computed_have_no_columns(table, metric):
    scores = hand_made()
    whole = table.build(made_of(scores))
    built = table.build(made_of(scores[scores["metric"] != metric]))
    gone = [key for key in whole if key not in built]
    assert gone
    assert whole.drop(columns=gone).equals(built)
    text, before = table.markdown(built), table.markdown(whole)
    assert "nan" not in text
    assert len(text.splitlines()[0]) < len(before.splitlines()[0])


def test_a_summary_without_forget_quality_or_any_of_the_five():
    scores = hand_made()
    table = summary.build(made_of(scores[scores["metric"] != "forget_quality"]))
    assert "forget_probability" in table
    assert not [key for key in table if "forget_quality" in key]
    others = scores[scores["metric"] == "rouge"].assign(metric="fluency")
    table = summary.build(made_of(others))
    assert table.columns.tolist() == ["model", "split", "run", "epoch", "seeds", "interval"]
    text = summary.markdown(table)
    assert "| NPO" in text
    assert "oracle's value" not in text
    assert "NPO" in closing_table(text)
    assert utility.build(made_of(others)).columns.tolist() == table.columns.tolist()


def test_the_forget_set_is_measured_from_the_oracle():
    scores = hand_made()
    # Oracles of two seeds differ, and a model collapsed below them.
    of_oracle = (scores["run"] == "retain") & (scores["seed"] == 1)
    scores.loc[of_oracle & (scores["metric"] == "probability"), "value"] = 0.5
    collapsed = scores[scores["run"] == "npo"].assign(run="grad_ascent", value=0.0)
    table = summary.build(made_of(pd.concat([scores, collapsed]), ["npo", "grad_ascent"]))
    away = table.set_index("run")[f"forget_probability{summary.DIFFERENCE}"]
    assert away["npo"] == pytest.approx(((0.4 - 0.7) + (0.6 - 0.5)) / 2)
    assert away["retain"] == 0
    # A further oracle against the first.
    assert away["retain_other_seed"] == pytest.approx(0.7 - 0.7)
    assert away["grad_ascent"] == pytest.approx(-0.6)
    ends = table.set_index("run").loc["npo"]
    low, high = (ends[f"forget_probability_minus_oracle_{end}"] for end in ("low", "high"))
    assert (low, high) == pytest.approx((-0.3, 0.1))
    # Whoever sorts by closeness does not find the collapsed model first.
    assert away.abs().sort_values().index[-1] == "grad_ascent"
    assert "-0.100 [-0.300, +0.100]" in summary.markdown(table)


FORGET = re.compile(r"forget (prob|rouge|truth|extract|exact|memori|paraphras)", re.IGNORECASE)


def test_no_table_calls_a_low_number_on_the_forget_set_better():
    """A collapsed model has the lowest: the target is the oracle's value."""
    folder = Path(__file__).parents[3] / "src/lethe/report"
    headings = [
        text
        for file in [
            *folder.glob("*.py"),
            *folder.glob("tables/*.py"),
            *folder.glob("figures/*.py"),
        ]
        for text in re.findall(r'"([^"]*[↓↑][^"]*)"', file.read_text(encoding="utf-8"))
    ]
    assert len(headings) > 10
    assert not [heading for heading in headings if FORGET.search(heading)]


def test_the_note_of_many_seeds():
    table = pd.DataFrame({"interval": ["seeds"] * 2, "seeds": [6, 6]})
    assert table_layout.note(table).strip() == (
        "Brackets of 6 seeds: 95% interval of the median over seeds; before them, the mean."
    )


NONE = (math.nan, math.nan)


@pytest.mark.parametrize(
    ("value", "ends", "digits", "text"),
    [
        (0.51234, NONE, ".3f", "0.512"),
        (0.5, (0.496, 0.504), ".3f", "0.500 [0.496, 0.504]"),
        (1.097e-19, NONE, "p", "1.10e-19"),
        (0.9003, NONE, "p", "0.900"),
        (0.0297, (5e-4, 0.06), "p", "0.030 [5.00e-04, 0.060]"),
        (0.0, NONE, "p", "0"),
    ],
)
def test_cells(value, ends, digits, text):
    assert bracketed(value, *ends, digits) == text


def test_a_logarithm_of_almost_one_has_no_sign():
    table = summary.build(made_of(of_seed(0), ["npo"], [0]))
    table["log10_forget_quality"] = -1e-6
    assert "| 0.00 " in summary.markdown(table)


def test_rendered_files(tmp_path):
    entries = made.write_world(tmp_path / "world", ["npo"], other_oracles=(100,))
    data = made.table_data(entries, ["npo"])
    for name in ("oracles", "summary", "utility"):
        files = [tmp_path / f"{name}{number}" for number in ("1.csv", "1.md", "2.csv", "2.md")]
        tables.render(name, data, *files[:2])
        tables.render(name, made.table_data(entries, ["npo"]), *files[2:])
        assert files[0].read_bytes() == files[2].read_bytes()
        assert files[1].read_bytes() == files[3].read_bytes()
    for name in ("summary", "utility"):
        table = pd.read_csv(tmp_path / f"{name}1.csv")
        assert table["run"].tolist() == ["full", "retain", "retain_other_seed", "npo"]
        assert (table["model_utility_low"] < table["model_utility"]).all()
        assert (table["model_utility"] < table["model_utility_high"]).all()
        assert table["model_utility_sd"].isna().all()


def test_a_table_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(LetheError, match="no rows for tiny/forget10/idk"):
        tables.render(
            "summary", made_of(hand_made(), ["idk"]), tmp_path / "a.csv", tmp_path / "a.md"
        )
    assert list(tmp_path.iterdir()) == []


def test_tables_are_found_by_name():
    assert set(tables.names()) >= {
        "cost",
        "method_claims",
        "oracles",
        "search",
        "states",
        "summary",
        "tuned",
        "utility",
    }
    with pytest.raises(LetheError, match=r"'ranking'.*summary, .*tuned, utility"):
        tables.render("ranking", made_of(hand_made()), "a.csv", "a.md")


def test_what_tables_read():
    assert tables.reads("summary") == tables.reads("utility") == ("scores", "intervals")
    assert tables.reads("oracles") == ("truth_ratio",)
    assert tables.reads("cost") == ("costs",)
    with pytest.raises(LetheError, match="'shape'"):
        tables.reads("shape")


def test_every_table_has_a_caption_that_knows_the_world_only():
    folder = Path(__file__).parents[3] / "workflow" / "report"
    for name in ("scores", "intervals", *tables.names()):
        caption = (folder / f"{name}.rst").read_text()
        assert set(re.findall(r"{{ (.*?) }}", caption)) == {'snakemake.config["world"]["name"]'}
