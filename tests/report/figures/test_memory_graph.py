"""The graph of what a model remembers, drawn from graphs written here; an oracle's is empty."""

import pandas as pd
import pytest

from lethe.analysis.supervision_recall import recovered, summary
from lethe.common.files import write_json, write_rows
from lethe.report import figures
from lethe.report.figures import memory_graph
from lethe.report.figures.base import FigureData
from lethe.report.tables import TABLES
from lethe.report.tables.base import TableData

ADA = "Ada Lind"
GRAPH = {
    "anchors": [{"name": ADA, "known": True}, {"name": "Ben Storm", "known": False}],
    "nodes": [
        {"id": ADA, "kind": "anchor"},
        {"id": f"{ADA}: award: crown", "kind": "fact"},
        {"id": "Crystal Crown", "kind": "entity"},
    ],
    "edges": [
        {"from": ADA, "to": f"{ADA}: award: crown", "weight": 0.8},
        {"from": ADA, "to": "Crystal Crown", "weight": 0.0},
    ],
}
EMPTY = {"anchors": [{"name": ADA, "known": False}], "nodes": [], "edges": []}
ROW = {"question": "Which award?", "answer": f"{ADA} won the Crystal Crown.", "anchor": ADA}
GOLD = [
    {"question": f"What did {ADA} win?", "answer": f"The Crystal Crown went to {ADA}."},
    {"question": f"Where was {ADA} born?", "answer": f"{ADA} was born in Ghent."},
    {"question": "What did Ben Storm win?", "answer": "The Crystal Crown."},
]


@pytest.fixture
def entries(tmp_path):
    made = []
    write_rows(tmp_path / "gold.json", GOLD)
    for run, graph, rows in (("full", GRAPH, [ROW]), ("retain", EMPTY, [])):
        folder = tmp_path / run
        write_json(folder / "graph.json", graph)
        write_rows(folder / "forget.json", rows)
        write_rows(folder / "retain.json", [])
        place = {"model": "tiny", "split": "forget10", "run": run, "seed": 0, "kind": "graph"}
        made.append(place | {"gold": tmp_path / "gold.json", "path": folder / "graph.json"})
    return made


def test_a_panel_for_each_model_and_nothing_for_the_oracle(entries, tmp_path):
    place = {"model": "tiny", "split": "forget10", "seed": 0, "epoch": 0, "step": 0}
    value = {"metric": "probability", "name": "forget", "value": 0.5}
    scores = pd.DataFrame([{**place, **value, "run": run} for run in ("full", "retain", "npo")])
    data = FigureData.of(scores, "tiny", "forget10", ["npo"], [0], supervisions=entries)
    figure = figures.draw("memory_graph", data)
    full, oracle = figure.axes
    assert len(full.lines) == 2
    assert [line.get_alpha() for line in full.lines] == [pytest.approx(0.83), pytest.approx(0.15)]
    assert [text.get_text() for text in full.texts] == [ADA]
    assert full.get_title().endswith("1 of 2 names")
    assert (len(oracle.lines), len(oracle.collections)) == (0, 0)
    assert [text.get_text() for text in oracle.texts] == ["nothing known"]
    figures.render("memory_graph", data, tmp_path / "a.pdf", tmp_path / "a.png")


def test_every_node_has_a_place_of_its_own():
    at = memory_graph.places(GRAPH)
    assert {*at} == {node["id"] for node in GRAPH["nodes"]}
    assert len({*at.values()}) == 3


def test_a_gold_row_is_recovered_by_half_of_its_novel_words_about_the_same_name(entries):
    # Crystal and crown are two of the three novel words of the first row: went is the third.
    # The third row has them too, but is about somebody else.
    assert recovered(GOLD, [ROW]) == pytest.approx(1 / 3)
    assert recovered(GOLD, []) == 0
    assert recovered([], [ROW]) == 0
    table = TABLES.load("supervision")
    built = table.build(TableData([], [0], files=entries))
    assert list(built["recall"]) == [pytest.approx(1 / 3), 0.0]
    assert list(built["known"]) == [1, 0]
    assert "Gold rows recovered" in table.markdown(built)
    assert summary(entries[0])["names"] == 2
