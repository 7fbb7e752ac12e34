"""The course of unlearning by text, by picture and by both."""

import dataclasses

import pandas as pd
import pytest
from helpers import synthetic_metrics as made

from lethe.common.errors import LetheError
from lethe.report import figures
from lethe.report.figures.modalities import METRIC, PANELS


@pytest.fixture(scope="module")
def seen(data):
    """Full knows all pictures, the oracle none; each method halves what is left at every epoch."""
    place = {"model": made.MODEL, "split": made.SPLIT, "seed": 0, "metric": METRIC}
    rows = []
    for run in ("full", "retain", *made.METHODS):
        for epoch in (1, 2, 3) if run in made.METHODS else (0,):
            for number, name in enumerate(PANELS):
                value = 0.1 * number if run == "retain" else 0.8 / 2**epoch
                point = {"run": run, "epoch": epoch, "step": epoch, "name": name, "value": value}
                rows.append(place | point)
    return dataclasses.replace(data, scores=pd.concat([data.scores, pd.DataFrame(rows)]))


def test_a_line_leads_from_the_full_model_over_all_epochs(seen):
    figure = figures.draw("modalities", seen)
    assert [axes.get_title().replace("\n", " ") for axes in figure.axes] == [
        "Forget set, by text",
        "Forget set, by picture",
        "Forget set, by both",
        "Retain set, by picture",
    ]
    for number, axes in enumerate(figure.axes):
        *courses, oracle = axes.lines
        assert len(courses) == len(made.METHODS)
        for line in courses:
            assert [*line.get_xdata()] == [0, 1, 2, 3]
            assert line.get_ydata() == pytest.approx([0.8, 0.4, 0.2, 0.1])
        assert oracle.get_ydata() == pytest.approx([0.1 * number] * 2)
    shown = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {"Finetune", "Retain", "NPO"} <= shown


def test_on_the_page_a_menu_chooses_the_modality(seen):
    spec = figures.FIGURES.load("modalities").interactive(seen, {"npo": "beta 0.1"})
    traces = {trace["name"]: trace for trace in spec["data"]}
    assert traces["NPO"]["x"] == [0, 1, 2, 3]
    assert traces["NPO"]["y"] == [0.8, 0.4, 0.2, 0.1]
    assert traces["Retain"]["y"] == [0.0, 0.0]
    both = spec["layout"]["updatemenus"][0]["buttons"][2]
    assert both["label"] == "Forget set, by both"
    assert both["args"][0]["y"][[*traces].index("Retain")] == [0.2, 0.2]


def test_without_pictures_there_is_no_such_figure(data):
    with pytest.raises(LetheError, match=r"has no pictures.text_probability; score that run"):
        figures.draw("modalities", data)
