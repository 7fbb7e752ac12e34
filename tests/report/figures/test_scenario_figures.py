"""Figures of scenarios, which the made-up benchmark has no data for: recipes, lineage, defences."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers import synthetic_metrics as made

from lethe.analysis.bootstrap import collect_intervals
from lethe.analysis.defences import pair_file
from lethe.analysis.intervals import by_place
from lethe.analysis.scores import collect_scores
from lethe.common.errors import LetheError
from lethe.evaluate.defence_pair import WHEN, WHOSE, Measured
from lethe.metrics.base import write_metric
from lethe.report import figures
from lethe.report.figures.base import FigureData
from lethe.report.figures.shares import QUALITY, points
from lethe.unlearn.defence import FREE


def texts(figure) -> list[str]:
    found = [legend.get_title().get_text() for legend in figure.legends]
    return [*found, figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]


def is_drawn(name, data, tmp_path: Path) -> None:
    """It is rendered to files, twice to the same bytes."""
    for number in "12":
        figures.render(name, data, tmp_path / f"{number}.pdf", tmp_path / f"{number}.png")
    for suffix in ("pdf", "png"):
        first, second = ((tmp_path / f"{number}.{suffix}").read_bytes() for number in "12")
        assert first == second
        assert len(first) > 5000


def learned(data):
    """Two models, of which one abstains twice as often, two seeds each."""
    place = {"split": made.SPLIT, "run": "full", "epoch": 0, "step": 0}
    numbers = {("probability", "retain"): 0.9, ("probability", "world_facts"): 0.6}
    rows = [
        place | {"model": model, "seed": seed, "metric": metric, "name": name, "value": value}
        for model, abstains, apart in (("plain", 0.2, 0.0), ("seat_lora", 0.4, 0.1))
        for seed in (0, 1)
        for (metric, name), value in [
            *numbers.items(),
            (("abstention", "holdout"), abstains + apart * (2 * seed - 1)),
        ]
    ]
    return dataclasses.replace(data, of_models=pd.DataFrame(rows))


def test_recipes_have_a_bar_for_each_model(data, tmp_path):
    figure = figures.draw("recipes", learned(data))
    bars = [[patch.get_width() for patch in axes.patches] for axes in figure.axes]
    assert bars == [
        pytest.approx([0.9, 0.9]),
        pytest.approx([0.6, 0.6]),
        pytest.approx([0.2, 0.4]),
    ]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["plain", "seat lora"]
    assert "forget10" in " ".join(texts(figure))
    # The dots of the seeds are apart, and a line has their range.
    dots = figure.axes[2].lines[0]
    assert len({*dots.get_ydata()}) == 2
    ranges = [part.get_segments() for part in figure.axes[2].collections]
    np.testing.assert_allclose([one[0][:, 0] for one in ranges], [[0.2, 0.2], [0.3, 0.5]])
    is_drawn("recipes", learned(data), tmp_path)
    with pytest.raises(LetheError, match=r"figure recipes: .* has no abstention"):
        figures.draw("recipes", data)


def descended(data):
    rows = [
        {
            "model": made.MODEL, "split": made.SPLIT, "run": run, "state": state, "taint": taint,
            "probability": 0.8 - 0.1 * number, "fact_recall": 0.7, "ngram_overlap": 0.5,
        }
        for run in ("full", "retain", *made.METHODS)
        for number, (state, taint) in enumerate([("", "tainted"), ("copy", "clean")])
    ]  # fmt: skip
    return dataclasses.replace(data, lineage=pd.DataFrame(rows))


def test_generations_are_lines_with_a_cross_where_tainted(data, tmp_path):
    figure = figures.draw("lineage", descended(data))
    known = figure.axes[0]
    lines = [line for line in known.lines if len(line.get_xdata()) == 2]
    assert len(lines) == 2 + len(made.METHODS)
    for line in lines:
        np.testing.assert_allclose(line.get_ydata(), [0.8, 0.7])
    single = [
        line.get_marker() for line in known.lines if len(np.atleast_1d(line.get_xdata())) == 1
    ]
    assert sorted(single) == ["o"] * len(lines) + ["x"] * len(lines)
    assert "tiny, forget10" in texts(figure)
    is_drawn("lineage", descended(data), tmp_path)


def defended(data, folder: Path):
    """Two defences in both orders, two seeds; only the second order hurts the first risk."""
    entries = []
    for first, second, after in (("forget", "repair", 0.2), ("repair", "forget", 0.6)):
        for seed in (0, 1):
            risks = {of: {when: [0.2, 0.2] for when in WHEN} for of in WHOSE}
            risks["first"]["after"] = [after, after + 0.03 * seed]
            layers = {"alignment": [0.5, -0.5], "changed": [1.0, 1.0], "interference": [0.1, 0.2]}
            path = folder / f"{first}_{second}_{seed}.json"
            write_metric(path, pair_file(Measured(risks, layers)))
            place = {"model": made.MODEL, "split": made.SPLIT, "first": first, "second": second}
            entries.append(place | {"freezing": FREE, "seed": seed, "path": str(path)})
    return dataclasses.replace(data, defences=entries)


def test_the_matrix_of_pairs_marks_what_is_beyond_the_seeds(data, tmp_path):
    figure = figures.draw("exacerbation", defended(data, tmp_path))
    said = {text.get_text() for text in figure.axes[0].texts}
    assert said == {"+0.01", "+0.41*"}
    assert "tiny, forget10" in texts(figure)
    is_drawn("exacerbation", defended(data, tmp_path), tmp_path)


def of_shares(folder: Path, splits=("forget50", "forget10"), seeds=(0, 1)):
    """Two splits in one world, the larger one listed first, both in the form of the made world."""
    entries = [
        entry
        for split in splits
        for entry in made.write_world(folder / split, ["npo"], seeds, split=split)
    ]
    scores, intervals = collect_scores(entries), by_place(collect_intervals(entries))
    data = FigureData.of(scores, made.MODEL, splits[0], ["npo"], seeds, entries, intervals)
    shares = [
        {"split": split, "share": int(split[-2:]) / 100, "oracle": "retain"} for split in splits
    ]
    return scores, data.with_shares(scores, shares, intervals)


def test_shares_are_in_order_with_the_values_of_the_last_epoch(tmp_path):
    scores, data = of_shares(tmp_path)
    found = points(data, "npo", ("model_utility", "model_utility"))
    np.testing.assert_allclose(found[:, 0], [0.1, 0.5])
    last = scores[(scores["run"] == "npo") & (scores["epoch"] == made.EPOCHS)]
    for split, (_, value, low, high) in zip(("forget10", "forget50"), found, strict=True):
        own = last[(last["split"] == split) & (last["name"] == "model_utility")]["value"]
        assert len(own) == 2
        assert value == pytest.approx(own.mean())
        # Over seeds; that of two is their range.
        assert (low, high) == (pytest.approx(own.min()), pytest.approx(own.max()))
    # The oracle against itself.
    np.testing.assert_allclose(points(data, "retain", QUALITY)[:, 1], 0.0)


def test_a_single_seed_has_intervals_over_items(tmp_path):
    _, data = of_shares(tmp_path, seeds=(0,))
    for _, value, low, high in points(data, "npo", ("probability", "forget")):
        assert low < value < high


def test_shares_are_drawn_with_a_line_for_each_run(tmp_path):
    _, data = of_shares(tmp_path)
    figure = figures.draw("shares", data)
    quality, utility, forget = figure.axes
    assert [len(line.get_xdata()) for line in utility.lines] == [2, 2, 2]
    npo = forget.lines[-1].get_ydata()
    np.testing.assert_allclose(npo, points(data, "npo", ("probability", "forget"))[:, 1])
    assert "forget" not in " ".join(texts(figure))
    is_drawn("shares", data, tmp_path)
    # The full model is far below NPO in forget quality: it is named and not drawn.
    assert [text.get_text() for text in quality.texts if "Finetune" in text.get_text()]
    assert quality.get_ylim()[0] > points(data, "full", QUALITY)[:, 1].max()


# --- on the page ---


def on_the_page(name, data) -> dict:
    """The description for Plotly, which Plotly must accept."""
    import plotly.graph_objects

    assert figures.is_interactive(name)
    made = figures.FIGURES.load(name).interactive(data, {"npo": "beta 0.1"})
    plotly.graph_objects.Figure(json.loads(json.dumps(made, allow_nan=False)))
    return {trace["name"]: trace for trace in made["data"]} | {"layout": made["layout"]}


def test_generations_on_the_page_have_a_menu_of_the_numbers(data):
    made = on_the_page("lineage", descended(data))
    assert made["NPO"]["y"] == [0.8, 0.7]
    assert made["NPO"]["marker"]["symbol"] == ["x", "circle"]
    assert "beta 0.1" in made["NPO"]["text"]
    buttons = made["layout"]["updatemenus"][0]["buttons"]
    assert [button["label"].partition(",")[0] for button in buttons] == [
        *("True answer", "Facts told", "Words in common")
    ]
    assert buttons[2]["args"][0]["y"][0] == [0.5, 0.5]


def test_recipes_on_the_page_have_bars_with_the_range_over_seeds(data):
    bar = on_the_page("recipes", learned(data))["Finetune"]
    assert bar["x"][1] == ["plain", "seat lora"] * 3
    assert bar["y"] == pytest.approx([0.9, 0.9, 0.6, 0.6, 0.2, 0.4])
    assert bar["error_y"]["array"] == pytest.approx([0, 0, 0, 0, 0, 0.1])


def test_what_a_model_lacks_is_a_gap_on_the_page(data):
    assert on_the_page("recipes", learned(data))["NPO"]["y"] == [None] * 6


def test_shares_on_the_page_have_a_menu_of_the_numbers(tmp_path):
    _, data = of_shares(tmp_path)
    made_page = on_the_page("shares", data)
    assert made_page["NPO"]["x"] == [0.1, 0.5]
    assert made_page["Retain"]["y"] == [0.0, 0.0]
    buttons = made_page["layout"]["updatemenus"][0]["buttons"]
    assert len(buttons) == 3
    utility = points(data, "npo", ("model_utility", "model_utility"))[:, 1]
    assert buttons[1]["args"][0]["y"][2] == pytest.approx(utility, abs=1e-5)


def test_pairs_on_the_page_have_a_bar_for_each_that_follows(data, tmp_path):
    made = on_the_page("exacerbation", defended(data, tmp_path))
    assert made["repair"]["x"] == ["forget"]
    assert made["repair"]["y"] == pytest.approx([0.4075])
    assert made["repair"]["error_y"]["array"] == pytest.approx([0.0075])


@pytest.mark.parametrize("form", ["draw", "interactive"])
@pytest.mark.parametrize("name", ["lineage", "requests", "exacerbation", "shares"])
def test_without_its_data_a_figure_is_refused_in_one_line(name, form, data):
    more = () if form == "draw" else ({},)
    with pytest.raises(LetheError, match=f"figure {name}: tiny, forget10 has no "):
        getattr(figures.FIGURES.load(name), form)(data, *more)
