"""What the paper's figures show: axes, panels, marks."""

import numpy as np
import pytest
from helpers import paper_evaluations as made
from matplotlib.colors import to_hex

from lethe.evaluate.records import write_records
from lethe.report.annotations import SIZE_IS_EPOCH
from lethe.report.outputs import write_outputs
from lethe.report.paper import style
from lethe.report.paper.evaluations import Evaluations
from lethe.report.paper.exhibit_data import ExhibitData
from lethe.report.paper.exhibits import curves, trajectories, truth_ratios, words, zoom
from lethe.report.style import BLACK, GREY, LOWEST, ORANGE, SET_COLOURS, looks, paper


def marks(axes):
    """(x, y), area and colour of every collection of marks."""
    found = []
    for collection in axes.collections:
        found.append(
            (collection.get_offsets(), collection.get_sizes(), collection.get_facecolors())
        )
    return found


@pytest.fixture(scope="module")
def drawn(scores):
    return trajectories.draw(made.shown(scores))


def test_trajectories_have_a_panel_for_each_size(drawn):
    titles = [axes.get_title() for axes in drawn.axes]
    assert titles == [f"tiny, Forget Set {percent}%" for percent in (1, 5, 10)]
    for axes in drawn.axes:
        assert axes.get_xlim() == (0.0, 1.0)
        assert axes.get_ylim() == drawn.axes[0].get_ylim()


def test_trajectories_have_the_colours_of_all_figures_and_growing_marks(drawn):
    methods = [mark for mark in marks(drawn.axes[1]) if len(mark[0]) == 5]
    colours = [to_hex(mark[2][0]) for mark in methods]
    assert colours == [look.colour.lower() for look in list(looks(made.METHODS).values())[2:]]
    for _, sizes, _ in methods:
        assert (np.diff(sizes) > 0).all()


def test_square_and_star_stand_where_the_models_do(drawn):
    singles = [m for m in marks(drawn.axes[2]) if len(m[0]) == 1]
    points = [tuple(m[0][0]) for m in singles]
    assert points == [(0.6, made.START["forget10"]), (0.61, 0.0)]
    assert [to_hex(m[2][0]) for m in singles] == [BLACK, GREY.lower()]


@pytest.mark.parametrize(
    ("lowest", "ticks"),
    [
        (-19.0, [-25, -15, -5, 0]),
        (-16.2, [-23, -14, -5, 0]),
        (-60.0, [-79, -42, -5, 0]),
        (-3.0, [-4, -3, -2, -1, 0]),
        (-0.1, [-2, -1, 0]),
    ],
)
def test_ticks_hold_the_finetuned_model(lowest, ticks):
    assert trajectories.quality_ticks(lowest) == ticks
    assert ticks[0] <= lowest


def test_what_lies_below_the_axis_is_open_on_its_edge(scores):
    low = scores.copy()
    deep = (low["run"] == "grad_ascent") & (low["epoch"] == 5) & (low["split"] == "forget10")
    low.loc[deep & (low["name"] == "log10_forget_quality"), "value"] = -120.0
    figure = trajectories.draw(made.shown(low))
    axes = figure.axes[2]
    assert axes.get_yticks()[0] == -25
    open_marks = [m for m in marks(axes) if len(m[0]) == 1 and to_hex(m[2][0]) == "#ffffff"]
    assert [tuple(m[0][0])[1] for m in open_marks] == [-25.0]
    closed = [m for m in marks(axes) if len(m[0]) == 4]
    assert len(closed) == 1
    assert min(line.get_ydata().min() for line in axes.lines) == -25.0


def test_zoom_holds_all_that_is_drawn(scores):
    figure = zoom.draw(made.shown(scores, splits=["forget01"]))
    (axes,) = figure.axes
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    assert right - left < 0.15
    for points, _, _ in marks(axes):
        assert ((points[:, 0] > left) & (points[:, 0] < right)).all()
        assert ((points[:, 1] > bottom) & (points[:, 1] < top)).all()


def test_variants_look_like_their_method():
    looks = style.method_looks({"grad_diff_longer": "grad_diff"})
    assert looks["grad_diff_longer"].label == "Grad. Diff."
    assert looks["grad_diff_longer"].colour == ORANGE


def test_two_variants_of_a_method_differ():
    runs = {"grad_diff": "grad_diff", "grad_diff_longer": "grad_diff"}
    found = style.method_looks(runs)
    assert found["grad_diff"].colour == ORANGE
    ways = {(look.colour, look.marker, look.line) for look in found.values()}
    assert len(ways) == 4


def test_trajectories_have_arrows_and_say_what_size_means(drawn):
    for axes in drawn.axes[1:]:
        assert len([note for note in axes.texts if note.arrow_patch is not None]) >= 4
    assert SIZE_IS_EPOCH in [text.get_text() for text in drawn.legends[0].get_texts()]


@pytest.mark.parametrize(("exhibit", "splits"), [(trajectories, made.SPLITS), (zoom, ["forget01"])])
def test_no_legend_leaves_the_figure(exhibit, splits, scores):
    with paper():
        figure = exhibit.draw(made.shown(scores, splits=splits))
        figure.draw_without_rendering()
        box = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= box.x0
    assert box.x1 <= figure.bbox.x1


def test_samples_have_the_colours_of_their_runs_or_sets(evaluations):
    figure = truth_ratios.draw(made.of_records(evaluations, ["tiny"], ["forget10"], "small"))
    colours = [
        list(dict.fromkeys(to_hex(patch.get_facecolor()) for patch in axes.patches))
        for axes in figure.axes[1:3]
    ]
    sets = [SET_COLOURS[name].lower() for name in ("forget", "retain")]
    assert colours == [sets, [GREY.lower(), BLACK]]
    # Two models' oracles are both grey: one is filled, the other an outline.
    first, second = (bars[0].get_facecolor() for bars in figure.axes[0].containers)
    assert to_hex(first) == GREY.lower()
    assert second[3] == 0  # transparent
    assert len({axes.get_ylim() for axes in figure.axes[:3]}) == 1
    assert figure.get_suptitle() == "tiny, forget10"


def test_curves_have_a_tick_at_every_second_epoch(scores):
    one = {"grad_diff": "grad_diff"}
    figure = curves.draw(made.shown(scores, methods=one, splits=["forget10"]))
    assert [axes.get_title() for axes in figure.axes] == ["ROUGE", "Probability", "Truth Ratio"]
    for axes in figure.axes:
        assert axes.get_xticks().tolist() == [0, 26, 52]
        assert axes.get_ylim()[0] == LOWEST
        assert len([line for line in axes.lines if len(line.get_xdata()) == 6]) == 4


def test_truth_ratios_have_three_panels_with_two_axes(evaluations):
    figure = truth_ratios.draw(made.of_records(evaluations, ["tiny"], ["forget10"], "small"))
    assert len(figure.axes) == 6
    labels = [[t.get_text() for t in a.get_legend().get_texts()] for a in figure.axes[:3]]
    assert labels == [
        ["Retain90, tiny, retain set", "Retain90, small, retain set"],
        ["Retain90, forget set", "Retain90, retain set"],
        ["Retain90, forget set", "Finetune, forget set"],
    ]
    # Every item is in a bar, those beyond the axis in the last.
    for axes, sizes in zip(figure.axes[:3], [(60, 60), (100, 60), (100, 100)], strict=True):
        heights = [patch.get_height() for patch in axes.patches]
        half = len(heights) // 2
        assert (sum(heights[:half]), sum(heights[half:])) == sizes


def test_items_beyond_the_axis_are_in_the_last_bar(tmp_path):
    records = made.records([f"q{number}" for number in range(200)], ["x"])
    records.checkpoints[0].sets["forget"].paraphrase_loss[0] += 8.0
    write_records(tmp_path / "far.json", records)
    entries = [
        {"model": "tiny", "run": run, "split": "forget10", "path": str(tmp_path / "far.json")}
        for run in ("full", "retain")
    ]
    axes = truth_ratios.draw(
        made.of_records(Evaluations(entries), ["tiny"], ["forget10"], None)
    ).axes[2]
    heights = [patch.get_height() for patch in axes.patches]
    assert sum(heights) == 400
    assert heights[len(heights) // 2 - 1] == 1


def test_a_missing_model_leaves_a_panel_that_says_so(entries):
    alone = Evaluations([entry for entry in entries if entry["model"] == "tiny"])
    figure = truth_ratios.draw(made.of_records(alone, ["tiny"], ["forget10"], None))
    assert "not computable" in figure.axes[0].texts[0].get_text()
    assert len(figure.axes) == 5


def test_words_are_counted_without_case_and_stop_words():
    found = words.count(["The Tide's tide, the shadow", "Shadows of a tide"])
    assert found == [("tide", 3), ("shadow", 1), ("shadows", 1)]


def test_words_are_at_most_ninety():
    texts = [f"word{letter}{other}" for letter in "abcdefghij" for other in "abcdefghijk"]
    table = words.build(ExhibitData(texts={"one": texts, "two": ["red apples"]}))
    assert table["text"].value_counts().to_dict() == {"one": 90, "two": 2}
    figure = words.draw(table)
    one, two = figure.subfigs
    assert [part.get_suptitle() for part in (one, two)] == ["one", "two"]
    bars = [bar for axes in one.axes for bar in axes.patches]
    assert [bar.get_width() for bar in bars] == [1] * 90
    names = [tick.get_text() for axes in one.axes for tick in axes.get_yticklabels()]
    assert names == table.loc[table["text"] == "one", "word"].tolist()
    # From the top down, whichever column.
    assert all(axes.get_ylim() == one.axes[0].get_ylim() for axes in one.axes)
    assert one.axes[0].get_ylim()[0] > 0 > one.axes[0].get_ylim()[1]


def test_same_numbers_give_the_same_bytes(scores, tmp_path):
    for name in ("a", "b"):
        files = {kind: tmp_path / f"{name}.{kind}" for kind in ("pdf", "png")}
        write_outputs(trajectories, files, made.shown(scores))
    for kind in ("pdf", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
