"""The table of oracles on metric files made by hand, against scipy."""

import json
from statistics import median

import numpy as np
import pytest
from scipy.stats import ks_2samp

from lethe.common.errors import LetheError
from lethe.report.tables import oracles
from lethe.report.tables.base import TableData

ITEMS = 40
# Medians of R by run: npo ends near the oracles, full is far from them.
LEVELS = {"full": [0.1], "retain": [1.0], "npo": [0.3, 0.9]}


def sample(run, seed, epoch):
    random = np.random.default_rng([seed, epoch, len(run)])
    return random.lognormal(np.log(LEVELS[run][epoch]), 0.5, ITEMS).tolist()


def write(folder, run, seed, questions=None, split="forget10"):
    """A metric file and its entry."""
    questions = questions or [f"Question {number}?" for number in range(ITEMS)]
    points = [
        {"epoch": epoch, "step": 4 * epoch, "values": {"forget": 0.5},
         "items": {"forget": sample(run, seed, epoch)}, "questions": {"forget": questions}}
        for epoch in range(len(LEVELS[run]))
    ]  # fmt: skip
    path = folder / f"{split}_{run}_{seed}.json"
    path.write_text(json.dumps({"format": 1, "metric": "truth_ratio", "checkpoints": points}))
    place = {"world": "made", "model": "tiny", "split": split, "run": run, "seed": seed}
    return place | {"metric": "truth_ratio", "path": str(path)}


def world(folder, seeds=(0, 1), others=(100,)):
    runs = [(run, seed) for run in ("full", "npo") for seed in seeds]
    runs += [("retain", seed) for seed in (*seeds, *others)]
    return [write(folder, run, seed) for run, seed in runs]


def build(entries, seeds=(0, 1)):
    return oracles.build(TableData(["npo"], seeds, files=entries))


def test_rows_in_the_order_of_the_other_tables(tmp_path):
    table = build(world(tmp_path))
    assert list(table[["run", "seed", "epoch"]].itertuples(index=False, name=None)) == [
        ("full", 0, 0), ("full", 1, 0), ("retain", 0, 0), ("retain", 1, 0), ("retain", 100, 0),
        ("npo", 0, 0), ("npo", 0, 1), ("npo", 1, 0), ("npo", 1, 1),
    ]  # fmt: skip
    assert list(table.columns) == oracles.COLUMNS


def test_numbers_by_hand(tmp_path):
    table = build(world(tmp_path)).set_index(["run", "seed", "epoch"])
    tests = [ks_2samp(sample("npo", 1, 1), sample("retain", seed, 0)) for seed in (0, 1, 100)]
    pairs = [
        ks_2samp(sample("retain", one, 0), sample("retain", other, 0))
        for one, other in ((0, 1), (0, 100), (1, 100))
    ]
    row = table.loc["npo", 1, 1]
    for name, found in (("", tests), ("floor_", pairs)):
        p, ks = [test.pvalue for test in found], [test.statistic for test in found]
        for key, numbers in (("p", p), ("ks", ks)):
            assert row[f"{name}{key}_median"] == median(numbers)
            assert row[f"{name}{key}_min"] == min(numbers)
            assert row[f"{name}{key}_max"] == max(numbers)
        assert row[f"{name}rejected"] == np.mean([value < 0.05 for value in p])
    own = median(test.statistic for test in tests)
    below = sum(pair.statistic < own for pair in pairs)
    equal = sum(pair.statistic == own for pair in pairs)
    assert row["position"] == pytest.approx((below + equal / 2) / 3)
    assert (row["tests"], row["pairs"]) == (3, 3)


def test_far_and_near(tmp_path):
    table = build(world(tmp_path)).set_index(["run", "seed", "epoch"])
    assert table.loc[("full", 0, 0), "rejected"] == 1
    assert table.loc[("full", 0, 0), "position"] == 1
    assert table.loc[("npo", 0, 1), "p_median"] > table.loc[("npo", 0, 0), "p_median"]


def test_an_oracle_is_tested_against_the_others_alone(tmp_path):
    row = build(world(tmp_path)).set_index(["run", "seed"]).loc["retain", 100]
    assert row["tests"] == 2
    assert row["p_max"] < 1
    assert row["p_min"] == min(
        ks_2samp(sample("retain", 100, 0), sample("retain", seed, 0)).pvalue for seed in (0, 1)
    )


def test_quantiles_of_the_floor_where_there_are_enough_pairs(tmp_path):
    few = build(world(tmp_path, others=range(100, 104)))
    assert set(few["pairs"]) == {15}
    assert few["floor_p_q05"].isna().all()
    many = build(world(tmp_path, others=range(100, 105)))
    assert set(many["pairs"]) == {21}
    pairs = [
        ks_2samp(sample("retain", one, 0), sample("retain", other, 0))
        for one in (0, 1, *range(100, 105))
        for other in (0, 1, *range(100, 105))
        if one < other
    ]
    p, ks = [test.pvalue for test in pairs], [test.statistic for test in pairs]
    assert many["floor_p_q05"][0] == pytest.approx(np.quantile(p, 0.05))
    assert many["floor_ks_q95"][0] == pytest.approx(np.quantile(ks, 0.95))


def test_one_oracle_gives_no_floor_and_says_so(tmp_path):
    table = build(world(tmp_path, seeds=(0,), others=()), (0,))
    assert table["run"].tolist() == ["full", "npo", "npo"]
    assert set(table["tests"]) == {1}
    assert set(table["pairs"]) == {0}
    assert table[["floor_p_median", "position"]].isna().all(axis=None)
    text = oracles.markdown(table)
    assert "no noise floor: add oracle_seeds" in text
    assert "Oracle pairs" not in text
    assert "nan" not in text


def test_markdown_has_a_line_for_each_run(tmp_path):
    entries = world(tmp_path)
    table = build(entries)
    far = (table["run"] == "npo") & (table["seed"] == 1) & (table["epoch"] == 1)
    table.loc[far, ["p_median", "p_min", "p_max"]] = [0.01, 0.004, 0.02]
    text, notes = oracles.markdown(table).split("\n\n")
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[2:]
    ]
    assert [line[2] for line in lines] == ["Oracle pairs", "Finetune", "NPO"]
    assert [line[3] for line in lines] == ["3", "6", "6"]
    last = table[(table["run"] == "npo") & (table["epoch"] == 1)]
    median_p, low, high = last["p_median"].median(), last["p_min"].min(), last["p_max"].max()
    assert lines[2][4] == f"{median_p:.3f} [{low:.3f}, {high:.3f}]"
    assert low == 0.004
    assert 0.01 < median_p < high
    assert high > 0.05
    assert lines[1][6] == "100%"
    assert lines[1][7] == "1.00"
    assert "noise floor" in notes


def test_splits_are_kept_apart(tmp_path):
    entries = world(tmp_path, seeds=(0,))
    other = [
        write(tmp_path, run, seed, [f"Other {number}?" for number in range(ITEMS)], "forget05")
        for run, seed in (("full", 0), ("npo", 0), ("retain", 0), ("retain", 100))
    ]
    table = build([*entries, *other], (0,))
    assert table["split"].tolist() == ["forget10"] * 5 + ["forget05"] * 5
    assert set(table["pairs"]) == {1}


def test_other_questions_are_named(tmp_path):
    entries = world(tmp_path)
    write(tmp_path, "retain", 100, ["Another?"] * ITEMS)
    with pytest.raises(LetheError, match=r"40 of its 40 forget questions .*_retain_100\.json"):
        build(entries)


def test_missing_runs_are_named(tmp_path):
    entries = world(tmp_path)
    with pytest.raises(LetheError, match="tiny/forget10/npo/seed1"):
        build([e for e in entries if (e["run"], e["seed"]) != ("npo", 1)])
    with pytest.raises(LetheError, match="tiny/forget10/retain"):
        build([e for e in entries if e["run"] != "retain"])


# --- a split with oracles of several roles ---


@pytest.fixture
def two_roles(tmp_path, monkeypatch):
    """Files of a split whose oracles are ``share``, far from npo's end, and ``every``, near it."""
    monkeypatch.setitem(LEVELS, "share", [3.0])
    monkeypatch.setitem(LEVELS, "every", [0.9])
    runs = [(run, seed) for run in ("full", "npo", "share", "every") for seed in (0, 1)]
    entries = [write(tmp_path, run, seed, split="mine") for run, seed in runs]
    return TableData(["npo"], [0, 1], files=entries, oracles={"mine": ("share", "every")})


def test_every_role_has_its_rows_and_says_so(two_roles):
    table = oracles.build(two_roles)
    assert list(table.columns) == [*oracles.COLUMNS[:2], "oracle", *oracles.COLUMNS[2:]]
    assert table["oracle"].unique().tolist() == ["share", "every"]
    runs = ["full", "full", "share", "share", "every", "every", *["npo"] * 4]
    for role in ("share", "every"):
        part = table[table["oracle"] == role].set_index(["run", "seed", "epoch"])
        assert list(part.index.get_level_values("run")) == runs
        tests = [ks_2samp(sample("npo", 1, 1), sample(role, seed, 0)) for seed in (0, 1)]
        assert part.loc[("npo", 1, 1), "p_median"] == pytest.approx(
            median(test.pvalue for test in tests)
        )
        # Of its own role one other seed, of the other role both.
        assert part.loc[(role, 0, 0), "tests"] == 1
        other = {"share": "every", "every": "share"}[role]
        assert part.loc[(other, 0, 0), "tests"] == 2


def test_the_text_names_the_role_of_each_line(two_roles):
    lines = oracles.markdown(oracles.build(two_roles)).splitlines()
    assert "Oracle" in lines[0].replace("|", " ").split()
    (near,) = [line for line in lines if "NPO" in line and "| every" in line]
    (far,) = [line for line in lines if "NPO" in line and "| share" in line]
    assert near != far
    assert sum("| Oracle pairs " in line for line in lines) == 2
