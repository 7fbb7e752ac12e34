"""What is on each figure."""

import dataclasses
import json
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from helpers import synthetic_metrics as made
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, PathCollection
from matplotlib.container import BarContainer
from scipy.stats import ks_2samp

from lethe.common.errors import LetheError
from lethe.report import figures
from lethe.report.figures import pareto
from lethe.report.figures.base import FigureData
from lethe.report.figures.truth_ratios import BINS, p_text
from lethe.report.style import BLACK, GREY, METHOD_COLOURS, SET_COLOURS, looks
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
    assert legend_texts(figure) == LABELS


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
    assert legend_texts(figure)[-1] == "Oracle pairs"
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


def test_curves_labels(data):
    figure = figures.draw("curves", data)
    assert [a.get_title() for a in figure.axes[:3]] == ["ROUGE", "Probability", "Truth Ratio"]
    assert [a.get_ylabel() for a in figure.axes[::3]] == LABELS[2:]
    assert figure.get_supxlabel() == "Unlearning Steps"
    assert all(a.get_ylim()[0] == 0 and a.get_ylim()[1] >= 1 for a in figure.axes)
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
        assert len(heights) == 2 * BINS
        assert sum(heights[:BINS]) == sum(heights[BINS:]) == made.ITEMS
        p = data.last(run, "forget_quality", "forget_quality")[0]
        assert axes.get_title() == f"{looks([run])[run].label}: {p_text(p)}"
    assert {axes.get_xlim() for axes in figure.axes} == {left[0].get_xlim()}
    assert legend_texts(figure) == ["Retain", "Finetune", *LABELS[2:]]
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
        containers = [c for c in axes.containers if isinstance(c, BarContainer)]
        assert len(containers) == len(LABELS)
        names = [tick.get_text().replace("\n", " ") for tick in axes.get_xticklabels()]
        assert names == ["Retain Set", "Real Authors", "World Facts"]
        bars = dict(zip(("full", "retain", *made.METHODS), containers, strict=True))
        heights = [bar.get_height() for bar in bars["npo"]]
        sets = ("retain", "real_authors", "world_facts")
        assert heights == [data.last("npo", metric, name)[0] for name in sets]


def test_bars_do_not_overlap(data):
    for axes in figures.draw("utility_bars", data).axes:
        bars = sorted((b.get_x(), b.get_x() + b.get_width()) for b in axes.patches)
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


@pytest.mark.parametrize("name", figures.names())
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


def test_known_methods_of_one_colour_differ_in_marker_and_line():
    by_colour = {}
    for look in looks(known.names()).values():
        by_colour.setdefault(look.colour, []).append((look.marker, look.line))
    assert max(map(len, by_colour.values())) <= 3
    for ways in by_colour.values():
        markers, lines = zip(*ways, strict=True)
        assert len(set(markers)) == len(set(lines)) == len(ways)


def test_a_colour_stands_for_one_thing():
    colours = [*METHOD_COLOURS, *SET_COLOURS.values(), BLACK, GREY]
    assert len(set(colours)) == len(colours)
    assert looks([], "other_oracle")["other_oracle"].colour == GREY


@pytest.mark.parametrize("name", figures.names())
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


def test_a_front_leaves_out_what_another_equals_for_less():
    points = [(3.0, 0.5), (1.0, 0.2), (2.0, 0.2), (2.0, 0.4), (4.0, 0.9), (5.0, 0.1)]
    assert pareto.front(points) == [(1.0, 0.2), (2.0, 0.4), (3.0, 0.5), (4.0, 0.9)]


def test_pareto_of_a_given_oracle_counts_tokens(data):
    costs = data.costs.assign(compute_share=np.nan, compute=5000.0)
    figure = figures.draw("pareto", dataclasses.replace(data, costs=costs))
    assert [axes.get_xlabel() for axes in figure.axes] == ["Compute (tokens)"] * 2
    assert scatters(figure.axes[0])["NPO"].get_offsets()[0][0] == 5000


def test_pareto_without_costs_says_what_is_missing(data):
    with pytest.raises(LetheError, match="no costs"):
        figures.draw("pareto", dataclasses.replace(data, costs=None))


@pytest.mark.parametrize("name", ["pareto", "trajectories"])
def test_a_legend_of_many_methods_has_its_place(name, tmp_path):
    many = [f"method{number}" for number in range(30)]
    values = made.LEFT | dict.fromkeys(many, (0.2, 0.55, 0.7, 0.8))
    shifts = made.SHIFT | dict.fromkeys(many, 2.2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "LEFT", values)
        patch.setattr(made, "SHIFT", shifts)
        figure = figures.draw(name, made.figure_data(made.write_world(tmp_path, many), many))
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
