"""The table of languages from tidy scores: rows, roles, and what means nothing."""

import math

import pandas as pd
import pytest

from lethe.analysis.scores import COLUMNS
from lethe.report.tables import languages
from lethe.report.tables.base import TableData

ROLES = {"L0": (1, 1), "L1": (0, 1), "L3": (0, 0)}  # given, learned


def values(run: str, seed: int) -> list[tuple[str, str, float]]:
    """Of each seed: p, KSS, KPS; full knows every forget fact in L0."""
    rows = [("knowledge_spread", "kps", 0.4 + 0.1 * seed)]
    for suffix in ("", "_holdout", *(f"_{name}" for name in ROLES)):
        rows += [("knowledge_spread", f"{key}{suffix}", 0.6) for key in ("kss_roc", "kss_pr")]
    for place, (name, (given, learned)) in enumerate(ROLES.items()):
        unknown = 0 if (run, name) == ("full", "L0") else 3 + seed
        rows += [
            ("language_probability", f"forget_{name}", 0.1 * (place + 1)),
            ("language_probability", f"retain_{name}", 0.9 - 0.1 * seed),
            ("knowledge_spread", f"given_{name}", given),
            ("knowledge_spread", f"learned_{name}", learned),
            ("knowledge_spread", f"unknown_{name}", unknown),
            ("knowledge_spread", f"kps_{name}", 0.5),
            ("knowledge_spread", f"youden_{name}", 0.8),
        ]
    return rows


@pytest.fixture
def table() -> pd.DataFrame:
    return of_seeds(0, 1)


def of_seeds(*seeds: int) -> pd.DataFrame:
    rows = [
        ("tiny", "forget10_in_L0", run, seed, epoch, epoch, *value)
        for run, epoch in (("full", 0), ("retain", 0), ("npo", 5))
        for seed in seeds
        for value in values(run, seed)
    ]
    data = TableData(["npo"], seeds, pd.DataFrame(rows, columns=COLUMNS))
    return languages.build(data)


def row(table: pd.DataFrame, run: str, language: str) -> dict:
    (one,) = table[(table["run"] == run) & (table["language"] == language)].to_dict("records")
    return one


def test_a_row_for_each_language_and_for_those_of_a_kind(table):
    (first, *_) = table.groupby("run", sort=False)
    assert list(first[1]["language"]) == ["all learned", "all hold-out", "L0", "L1", "L3"]
    assert list(first[1]["role"]) == ["", "", "given", "learned", "hold-out"]
    assert row(table, "npo", "all learned")["forget"] == pytest.approx(0.15)
    assert row(table, "npo", "all hold-out")["forget"] == pytest.approx(0.3)
    assert row(table, "npo", "L1")["retain"] == pytest.approx(0.85)
    assert row(table, "npo", "all learned")["kps"] == pytest.approx(0.45)
    assert row(table, "npo", "L0")["unknown"] == pytest.approx(3.5)


def test_persistence_of_nothing_is_left_empty(table):
    assert math.isnan(row(table, "full", "L0")["kps"])
    assert math.isnan(row(table, "full", "all learned")["kps"])
    assert row(table, "full", "L0")["unknown"] == 0
    assert row(table, "full", "L1")["kps"] == pytest.approx(0.5)
    text = languages.markdown(table)
    assert "0.450 [0.400, 0.500]" in text
    assert "nan" not in text


def test_one_seed_has_no_brackets_and_no_note_on_them(table):
    assert "Brackets of 2 seeds" in languages.markdown(table)
    text = languages.markdown(of_seeds(0))
    assert "[" not in text
    assert "Brackets" not in text
