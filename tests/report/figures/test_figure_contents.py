"""What is on each figure."""

import dataclasses
import json
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from helpers import synthetic_metrics as made
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from scipy.stats import ks_2samp

from lethe.common.errors import LetheError
from lethe.report import figures
from lethe.report.annotations import SIZE_IS_EPOCH
from lethe.report.figures import pareto
from lethe.report.figures.base import FigureData
from lethe.report.figures.pareto import FRONT, QUALITY, UTILITY
from lethe.report.figures.truth_ratios import BINS, p_text
from lethe.report.style import BLACK, GREY, LINES, LOWEST, METHOD_COLOURS, SET_COLOURS, looks
from lethe.unlearn import methods as known

FORGET = ("probability", "forget")
LABELS = [look.label for look in looks(made.METHODS).values()]


def legend_texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def scatters(axes):
    return {c.get_label(): c for c in axes.collections if isinstance(c, PathCollection)}


def test_trajectories_have_a_growing_marker_for_each_epoch(data):
    (axes,) = figures.draw("trajectories", data).axes
    for method in made.METHODS:
        dots = scatters(axes)[looks([method])[method].label]
        sizes = dots.get_sizes()
        assert len(sizes) == len(dots.get_offsets()) == made.EPOCHS
        assert (np.diff(sizes) > 0).all()
        utility = data.course(method, "model_utility", "model_utility", 0).values
        quality = data.course(method, "forget_quality", "log10_forget_quality", 0).values
        np.testing.assert_allclose(dots.get_offsets(), np.column_stack([utility, quality]))


def test_trajectories_references(data):
    figure = figures.draw("trajectories", data)
    (axes,) = figure.axes
    dots = scatters(axes)
    full, oracle = dots["Finetune"].get_offsets()[0], dots["Retain"].get_offsets()[0]
    assert full[1] == data.last("full", "forget_quality", "log10_forget_quality")[0] < -5
    assert oracle[1] == 0
    assert oracle[0] == data.last("retain", "model_utility", "model_utility")[0]
    (dashed,) = (line for line in axes.lines if line.get_linestyle() == "--")
    assert dashed.get_ydata()[0] == pytest.approx(np.log10(0.05))
    assert axes.get_xlabel() == "Model Utility"
    assert "Forget Quality" in axes.get_ylabel()
    assert axes.get_xlim()[0] == 0
    assert legend_texts(figure) == [*LABELS, SIZE_IS_EPOCH]
    assert axes.get_title() == "tiny, forget10"
    assert "p = 0.05" in texts(axes)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def headings(figure):
    """All that a figure says of itself as a whole."""
    found = [legend.get_title().get_text() for legend in figure.legends]
    return [*found, figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]


@pytest.mark.parametrize("name", made.FIGURES)
@pytest.mark.parametrize("which", ["data", "many"])
def test_every_figure_names_its_model_and_split(name, which, request):
    figure = figures.draw(name, request.getfixturevalue(which))
    assert "tiny, forget10" in headings(figure)


def test_trajectories_have_an_arrow_along_each_long_segment(data):
    (axes,) = figures.draw("trajectories", data).axes
    arrows = [note for note in axes.texts if note.arrow_patch is not None]
    assert len(arrows) >= len(made.METHODS)
    for arrow in arrows:
        colour = to_hex(arrow.arrow_patch.get_facecolor())
        (method,) = (m for m in made.METHODS if looks([m])[m].colour.lower() == colour)
        start = [data.last("full", *place)[0] for place in (UTILITY, QUALITY)]
        values = [data.mean(method, *place).values for place in (UTILITY, QUALITY)]
        path = np.vstack([start, np.column_stack(values)])
        (number,) = (n for n, point in enumerate(path) if np.allclose(point, arrow.xyann))
        # It points from an epoch to the next one.
        np.testing.assert_allclose(arrow.xy, 0.4 * path[number] + 0.6 * path[number + 1])


def test_labels_stand_where_they_hide_nothing(data):
    (axes,) = figures.draw("trajectories", data).axes
    axes.figure.draw_without_rendering()
    notes = [note for note in axes.texts if note.get_text() in LABELS]
    assert len(notes) >= 4
    boxes = [note.get_window_extent() for note in notes]
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
    area = axes.get_window_extent().padded(1)
    for box in boxes:
        assert area.contains(box.x0, box.y0)
        assert area.contains(box.x1, box.y1)
        for dots in scatters(axes).values():
            points = axes.transData.transform(dots.get_offsets())
            assert not any(box.contains(*point) for point in points)
        for line in (line for line in axes.lines if len(line.get_xdata()) > 2):
            path = axes.transData.transform_path(line.get_path())
            assert not path.intersects_bbox(box, filled=False)


def test_more_than_ten_methods_have_a_panel_each(many):
    figure = figures.draw("trajectories", many)
    assert len(figure.axes) == len(many.methods)
    look = looks(many.methods)
    for method, axes in zip(many.methods, figure.axes, strict=True):
        assert axes.get_title() == look[method].label
        (path,) = (line for line in axes.lines if len(line.get_xdata()) > 2)
        assert (path.get_color(), path.get_linestyle()) == (look[method].colour, look[method].line)
        assert any(note.arrow_patch is not None for note in axes.texts)
        # All others are behind it, and in view.
        (pale,) = (c for c in axes.collections if len(c.get_paths()) == len(many.methods))
        assert isinstance(pale, LineCollection)
        points = np.vstack([path.vertices for path in pale.get_paths()])
        assert points[:, 1].min() > axes.get_ylim()[0]
    assert legend_texts(figure)[:3] == ["Finetune", "Retain", "p = 0.05"]
    assert SIZE_IS_EPOCH in legend_texts(figure)


def test_the_oracle_is_grey_and_the_full_model_black_everywhere(data):
    (axes,) = figures.draw("trajectories", data).axes
    assert to_hex(scatters(axes)["Retain"].get_facecolor()[0]) == GREY.lower()
    assert to_hex(scatters(axes)["Finetune"].get_facecolor()[0]) == BLACK
    levels = {line.get_label(): line for line in figures.draw("pareto", data).axes[0].lines}
    assert (levels["Retain"].get_color(), levels["Finetune"].get_color()) == (GREY, BLACK)
    bars = figures.draw("utility_bars", data).axes[0].containers
    by_label = {c.get_label(): c for c in bars if isinstance(c, BarContainer)}
    assert to_hex(by_label["Retain"][0].get_facecolor()) == GREY.lower()


def test_no_colour_of_a_method_stands_for_anything_else(data):
    methods = {colour.lower() for colour in METHOD_COLOURS}
    stairs = [a for a in figures.draw("pareto", data).axes[0].lines if a.get_label() == FRONT]
    assert to_hex(stairs[0].get_color()) not in methods
    for line in figures.draw("curves", data).axes[0].lines:
        assert to_hex(line.get_color()) not in methods


def test_trajectories_keep_all_points_inside(data):
    (axes,) = figures.draw("trajectories", data).axes
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for dots in scatters(axes).values():
        for x, y in dots.get_offsets():
            assert left <= x <= right
            assert bottom <= y <= top


def crosses(axes):
    """Ends of the error bars in order of drawing: for each run, along x and along y."""
    bars = [c for c in axes.collections if isinstance(c, LineCollection)]
    return [np.array(bar.get_segments()) for bar in bars]


def test_trajectories_have_crosses_of_several_seeds(several_seeds):
    (axes,) = figures.draw("trajectories", several_seeds).axes
    along_x, along_y = crosses(axes)[:2]
    utility = several_seeds.courses("npo", "model_utility", "model_utility")
    quality = several_seeds.courses("npo", "forget_quality", "log10_forget_quality")
    for bars, found, axis in ((along_x, utility, 0), (along_y, quality, 1)):
        values = np.array([course.values for course in found])
        np.testing.assert_allclose(bars[:, 0, axis], values.min(axis=0))
        np.testing.assert_allclose(bars[:, 1, axis], values.max(axis=0))


def test_trajectories_of_one_seed_have_intervals_of_utility_alone(data):
    (axes,) = figures.draw("trajectories", data).axes
    method = made.METHODS[0]
    along_x, along_y = crosses(axes)[:2]
    assert along_y.size == 0
    place = (made.MODEL, made.SPLIT, method, 0)
    ends = [data.intervals[*place, e, "model_utility", "model_utility"] for e in range(1, 6)]
    np.testing.assert_allclose(along_x[:, :, 0], ends)


def floor(axes):
    """Low and high end of what the legend calls oracle pairs."""
    (found,) = (a for a in (*axes.patches, *axes.lines) if a.get_label() == "Oracle pairs")
    extent = found.get_path().get_extents(found.get_transform() - axes.transData)
    return extent.y0, extent.y1


@pytest.mark.parametrize("others", [(100,), (100, 101)])
def test_trajectories_show_what_oracles_give_against_each_other(tmp_path, others):
    entries = made.write_world(tmp_path, ["npo"], other_oracles=others)
    figure = figures.draw("trajectories", made.figure_data(entries, ["npo"]))
    assert legend_texts(figure)[-2] == "Oracle pairs"
    ratios = [
        json.loads(Path(e["path"]).read_text())["checkpoints"][0]["items"]["forget"]
        for e in entries
        if (e["run"], e["metric"]) == ("retain", "truth_ratio")
    ]
    logs = [np.log10(ks_2samp(a, b).pvalue) for a, b in combinations(ratios, 2)]
    assert floor(figure.axes[0]) == pytest.approx((min(logs), max(logs)))


def test_curves_start_with_the_full_model(data):
    figure = figures.draw("curves", data)
    assert len(figure.axes) == 3 * len(made.METHODS)
    axes = figure.axes[3 * made.METHODS.index("npo") + 1]
    curves = {line.get_label(): line for line in axes.lines if len(line.get_xdata()) > 2}
    assert list(curves) == ["World Facts", "Real Authors", "Retain Set", "Forget Set"]
    forget = curves["Forget Set"]
    assert forget.get_xdata().tolist() == [0, 12, 24, 36, 48, 60]
    assert forget.get_ydata()[0] == data.last("full", "probability", "forget")[0]
    (oracle,) = (line for line in axes.lines if line.get_linestyle() == ":")
    assert oracle.get_ydata()[0] == data.last("retain", "probability", "forget")[0]


@pytest.mark.parametrize("which", ["data", "several_seeds"])
def test_curves_have_bands(which, request):
    data = request.getfixturevalue(which)
    axes = figures.draw("curves", data).axes[3 * data.methods.index("npo") + 1]
    bands = [c for c in axes.collections if isinstance(c, FillBetweenPolyCollection)]
    assert len(bands) == 4
    outline = bands[-1].get_paths()[0].vertices
    for epoch, step in enumerate((12, 24, 36, 48, 60), start=1):
        if which == "data":
            low, high = data.intervals[made.MODEL, made.SPLIT, "npo", 0, epoch, *FORGET]
        else:
            values = [course.values[epoch - 1] for course in data.courses("npo", *FORGET)]
            low, high = min(values), max(values)
        at = outline[outline[:, 0] == step][:, 1]
        assert (at.min(), at.max()) == pytest.approx((low, high))


def test_equal_curves_lie_side_by_side(data):
    scores = data.scores.copy()
    scores.loc[scores["metric"] == "probability", "value"] = 0.5
    axes = figures.draw("curves", dataclasses.replace(data, scores=scores)).axes[1]
    lines = [line for line in axes.lines if len(line.get_xdata()) > 2]
    heights = [line.get_transform().transform((12, 0.5))[1] * 72 / 100 for line in lines]
    assert len(heights) == 4
    assert np.diff(sorted(heights)).min() > 0.5  # points
    assert np.ptp(heights) < 2
    markers = {line.get_marker() for line in lines}
    assert len(markers) == 4
    # The oracle's line is moved as the forget set's is: which is higher, can be seen.
    (oracle,) = (line for line in axes.lines if line.get_linestyle() == ":")
    forget = lines[-1].get_transform().transform((0, 0.5))[1]
    assert oracle.get_transform().transform((0, 0.5))[1] == pytest.approx(forget)


def test_curves_show_marks_at_zero_whole(data):
    axes = figures.draw("curves", data).axes[0]
    assert axes.get_ylim()[0] == LOWEST
    assert axes.get_xlim()[0] < 0 < 60 < axes.get_xlim()[1]


def test_curves_labels(data):
    figure = figures.draw("curves", data)
    assert [a.get_title() for a in figure.axes[:3]] == ["ROUGE", "Probability", "Truth Ratio"]
    assert [a.get_ylabel() for a in figure.axes[::3]] == LABELS[2:]
    assert figure.get_supxlabel() == "Unlearning Steps"
    assert all(a.get_ylim()[0] == LOWEST and a.get_ylim()[1] >= 1 for a in figure.axes)
    assert legend_texts(figure)[:4] == ["World Facts", "Real Authors", "Retain Set", "Forget Set"]
    assert "Retain" in legend_texts(figure)[4]


def test_truth_ratio_panels(data):
    figure = figures.draw("truth_ratios", data)
    runs = ["full", *made.METHODS]
    left = [axes for axes in figure.axes if axes.patches]
    assert len(left) == len(runs)
    for run, axes in zip(runs, left, strict=True):
        heights = [patch.get_height() for patch in axes.patches]
        # Two histograms in the same bins, and no item is lost beyond the axis.
        assert len(heights) == 2 * (BINS + 1)
        assert sum(heights[: BINS + 1]) == sum(heights[BINS + 1 :]) == made.ITEMS
        p = data.last(run, "forget_quality", "forget_quality")[0]
        assert axes.get_title() == f"{looks([run])[run].label}: {p_text(p)}"
    assert {axes.get_xlim() for axes in figure.axes} == {left[0].get_xlim()}
    assert legend_texts(figure)[:2] == ["Retain", "The run above the panel"]
    assert {axes.get_ylim() for axes in left} == {left[0].get_ylim()}
    assert "R on the Forget Set" in figure.get_supxlabel()


def test_truth_ratio_curves_are_the_empirical_distributions(data):
    figure = figures.draw("truth_ratios", data)
    right = [axes for axes in figure.axes if not axes.patches]
    assert len(right) == 1 + len(made.METHODS)
    assert all(axes.get_ylim() == (0.0, 1.05) for axes in right)
    own = right[0].lines[1]
    items = data.items("full", "truth_ratio", "forget")
    x, y = own.get_xdata(), own.get_ydata()
    assert y[np.flatnonzero(x == np.sort(items)[59])[-1]] == pytest.approx(60 / made.ITEMS)


def test_truth_ratios_survive_a_collapsed_model(tmp_path):
    entries = made.write_world(tmp_path, ["grad_ascent"])
    (path,) = (
        e["path"] for e in entries if (e["run"], e["metric"]) == ("grad_ascent", "truth_ratio")
    )
    document = json.loads(Path(path).read_text())
    # As far as the metric lets R go.
    document["checkpoints"][-1]["items"]["forget"] = [1e304] * 119 + [1e-304]
    Path(path).write_text(json.dumps(document))
    data = made.figure_data(entries, ["grad_ascent"])
    figures.render("truth_ratios", data, tmp_path / "a.pdf", tmp_path / "a.png")
    axes = figures.draw("truth_ratios", data).axes[1]
    assert axes.patches[-1].get_height() == 119
    assert axes.get_xlim()[1] < 10
    # Its bar is cut and says so; the trained models' bars keep their heights.
    assert texts(axes) == ["119"]
    trained = [p.get_height() for p in figures.draw("truth_ratios", data).axes[0].patches]
    assert max(trained) < axes.get_ylim()[1] < 1.5 * max(trained) < 119


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1.0, "p = 1.00"),
        (0.0297, "p = 0.03"),
        (1.097e-19, r"p = $1.1\times10^{-19}$"),
        (0.0, "p = 0"),
    ],
)
def test_p_text(p, text):
    assert p_text(p) == text


def test_utility_bars(data):
    figure = figures.draw("utility_bars", data)
    assert [axes.get_title() for axes in figure.axes] == ["Probability", "ROUGE", "Truth Ratio"]
    assert legend_texts(figure) == LABELS
    for axes, metric in zip(figure.axes, ("probability", "rouge", "truth_ratio"), strict=True):
        feet, containers = bars_of(axes)
        assert len(feet) == len(containers) == len(LABELS)
        names = [tick.get_text().replace("\n", " ") for tick in axes.get_xticklabels()]
        assert names == ["Retain Set", "Real Authors", "World Facts"]
        bars = dict(zip(("full", "retain", *made.METHODS), containers, strict=True))
        heights = [bar.get_height() for bar in bars["npo"]]
        sets = ("retain", "real_authors", "world_facts")
        assert heights == [data.last("npo", metric, name)[0] for name in sets]


def bars_of(axes):
    """The feet of bars, which hang below 0, and the bars."""
    containers = [c for c in axes.containers if isinstance(c, BarContainer)]
    return containers[0::2], containers[1::2]


def test_a_bar_of_zero_has_a_foot_of_its_colour(data):
    scores = data.scores.copy()
    zero = (scores["run"] == "npo") & (scores["metric"] == "rouge") & (scores["name"] == "retain")
    scores.loc[zero, "value"] = 0.0
    figure = figures.draw("utility_bars", dataclasses.replace(data, scores=scores, intervals={}))
    axes = figure.axes[1]
    number = ("full", "retain", *made.METHODS).index("npo")
    foot, bar = (containers[number][0] for containers in bars_of(axes))
    assert bar.get_height() == 0
    assert foot.get_height() == axes.get_ylim()[0] == LOWEST
    assert to_hex(foot.get_facecolor()) == looks(["npo"])["npo"].colour.lower()
    assert foot.get_x() == bar.get_x()


def test_bars_of_many_runs_are_rows_with_their_names(many):
    figure = figures.draw("utility_bars", many)
    runs = ("full", "retain", *many.methods)
    assert len(figure.axes) == 9
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert labels == [look.label for look in looks(many.methods).values()]
    axes = figure.axes[3]
    assert axes.get_title() == "ROUGE\nRetain Set"
    (feet,), (bars,) = bars_of(axes)
    assert [bar.get_width() for bar in bars] == [many.last(r, "rouge", "retain")[0] for r in runs]
    assert {foot.get_width() for foot in feet} == {LOWEST}


@pytest.mark.parametrize("name", ["curves", "utility_bars", "pareto"])
def test_axes_of_shares_end_just_below_zero(name, data):
    for axes in figures.draw(name, data).axes:
        if axes.get_ylabel() != pareto.HEADING and axes.get_ylim()[1] > 0:
            assert axes.get_ylim()[0] >= LOWEST


def test_bars_do_not_overlap(data):
    for axes in figures.draw("utility_bars", data).axes:
        bars = [bar for container in bars_of(axes)[1] for bar in container]
        bars = sorted((b.get_x(), b.get_x() + b.get_width()) for b in bars)
        assert all(end <= start + 1e-9 for (_, end), (start, _) in pairwise(bars))


@pytest.mark.parametrize("which", ["data", "several_seeds"])
def test_error_bars(which, request):
    data = request.getfixturevalue(which)
    axes = figures.draw("utility_bars", data).axes[0]
    (first, *_) = (c for c in axes.collections if isinstance(c, LineCollection))
    low, high = first.get_segments()[0][:, 1]
    if which == "data":
        place = (made.MODEL, made.SPLIT, "full", 0, 0, "probability", "retain")
        assert (low, high) == pytest.approx(data.intervals[place])
    else:
        values = data.last("full", "probability", "retain")
        assert (low, high) == pytest.approx((values.min(), values.max()))


@pytest.mark.parametrize("name", made.FIGURES)
def test_figures_without_intervals_can_be_drawn(name, data):
    figures.draw(name, dataclasses.replace(data, intervals={}))


def test_a_run_looks_the_same_whatever_is_drawn_beside_it_and_in_any_order():
    among = looks(["new_one", "npo", "another"])
    assert among == looks(["another", "npo", "new_one"])
    for run in ("npo", "new_one", "another"):
        assert looks([run])[run] == among[run]
    assert among["new_one"].label == "new one"
    assert list(among) == ["full", "retain", "new_one", "npo", "another"]


def test_looks_are_distinct():
    methods = [*made.METHODS, *(f"method{number}" for number in range(400))]
    ways = [(look.colour, look.marker, look.line) for look in looks(methods).values()]
    assert len(set(ways)) == len(ways)
    few = [*made.METHODS, *(f"method{number}" for number in range(90))]
    pairs = [(look.colour, look.marker) for look in looks(few).values()]
    assert len(set(pairs)) == len(pairs)


def test_known_methods_of_one_colour_differ_in_marker_and_line():
    by_colour = {}
    for look in looks(known.names()).values():
        by_colour.setdefault(look.colour, []).append((look.marker, look.line))
    assert max(map(len, by_colour.values())) <= len(LINES)
    for ways in by_colour.values():
        markers, lines = zip(*ways, strict=True)
        assert len(set(markers)) == len(set(lines)) == len(ways)


def test_a_colour_stands_for_one_thing():
    colours = [*METHOD_COLOURS, *SET_COLOURS.values(), BLACK, GREY]
    assert len(set(colours)) == len(colours)
    assert looks([], "other_oracle")["other_oracle"].colour == GREY


@pytest.mark.parametrize("name", made.FIGURES)
def test_texts_do_not_leave_the_figure_or_overlap(name, data):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from lethe.report import style

    with style.paper():
        figure = figures.draw(name, data)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        boxes = [
            text.get_window_extent(canvas.get_renderer())
            for axes in figure.axes
            for text in (axes.title, axes.xaxis.label, axes.yaxis.label)
            if text.get_text()
        ] + [legend.get_window_extent() for legend in figure.legends]
        boxes += [axes.get_window_extent() for axes in figure.axes if axes.patches or axes.lines]
    area = figure.bbox
    for number, box in enumerate(boxes):
        assert area.x0 <= box.x0 + 1
        assert box.x1 - 1 <= area.x1
        assert area.y0 <= box.y0 + 1
        assert box.y1 - 1 <= area.y1
        for other in boxes[:number]:
            same = np.allclose(box.extents, other.extents)  # the two axes of a panel
            assert same or not box.padded(-1).overlaps(other.padded(-1))


def test_pareto_has_every_method_at_its_cost_and_the_best_on_stairs(data):
    figure = figures.draw("pareto", data)
    quality, utility = figure.axes
    cost, unit = pareto.costs(data)
    assert unit == "compute_share"
    assert cost == pytest.approx({m: 0.02 + 0.05 * n for n, m in enumerate(made.METHODS)})
    for axes, place in ((quality, pareto.QUALITY), (utility, pareto.UTILITY)):
        points = {m: (cost[m], data.last(m, *place)[0]) for m in made.METHODS}
        for method, point in points.items():
            dot = scatters(axes)[looks([method])[method].label].get_offsets()
            np.testing.assert_allclose(dot, [point])
        (stairs,) = (line for line in axes.lines if line.get_label() == "Pareto front")
        # The cheapest method is always on them, and no method is above and left of them.
        assert stairs.get_xdata()[0] == pytest.approx(0.02)
        for x, y in points.values():
            assert y <= max(y_ for x_, y_ in stairs.get_xydata() if x_ <= x + 1e-9)
        assert 1.0 in [
            line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1
        ]
    assert legend_texts(figure)[: len(made.METHODS)] == LABELS[2:]
    assert "p = 0.05" in texts(quality)
    for axes in (quality, utility):
        assert pareto.ORACLES_COST in texts(axes)


def test_a_front_leaves_out_what_another_equals_for_less():
    points = [(3.0, 0.5), (1.0, 0.2), (2.0, 0.2), (2.0, 0.4), (4.0, 0.9), (5.0, 0.1)]
    assert pareto.front(points) == [(1.0, 0.2), (2.0, 0.4), (3.0, 0.5), (4.0, 0.9)]


def test_pareto_of_a_given_oracle_counts_tokens(data):
    costs = data.costs.assign(compute_share=np.nan, compute=5000.0)
    figure = figures.draw("pareto", dataclasses.replace(data, costs=costs))
    assert [axes.get_xlabel() for axes in figure.axes] == ["Compute (tokens)"] * 2
    assert scatters(figure.axes[0])["NPO"].get_offsets()[0][0] == 5000
    assert pareto.ORACLES_COST not in texts(figure.axes[0])


def test_pareto_without_costs_says_what_is_missing(data):
    with pytest.raises(LetheError, match="no costs"):
        figures.draw("pareto", dataclasses.replace(data, costs=None))


@pytest.fixture(scope="module")
def of_many(tmp_path_factory) -> FigureData:
    """Data of thirty methods."""
    many = [f"method{number}" for number in range(30)]
    values = made.LEFT | dict.fromkeys(many, (0.2, 0.55, 0.7, 0.8))
    shifts = made.SHIFT | dict.fromkeys(many, 2.2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "LEFT", values)
        patch.setattr(made, "SHIFT", shifts)
        folder = tmp_path_factory.mktemp("many")
        entries = made.tofus_own(made.write_world(folder, many))
        return made.figure_data(entries, many)


@pytest.mark.parametrize("name", ["pareto", "trajectories"])
def test_a_legend_of_many_methods_has_its_place(name, of_many):
    figure = figures.draw(name, of_many)
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert figure.bbox.y0 <= box.y0
    assert box.y1 <= figure.bbox.y1


@pytest.mark.parametrize("name", ["curves", "pareto", "trajectories", "truth_ratios"])
def test_figures_ask_the_split_for_its_oracle(name, tmp_path):
    entries = made.write_world(tmp_path, ["npo"])
    named = [{**e, "run": "unseen" if e["run"] == "retain" else e["run"]} for e in entries]
    usual = made.figure_data(entries, ["npo"])
    scores = usual.scores.replace({"run": {"retain": "unseen"}})
    data = FigureData.of(
        scores, made.MODEL, made.SPLIT, ["npo"], [0], named, {}, usual.costs, "unseen"
    )
    texts = legend_texts(figures.draw(name, data))
    expected = legend_texts(figures.draw(name, usual))
    assert [text.replace("unseen", "Retain") for text in texts] == expected
    assert texts != expected
