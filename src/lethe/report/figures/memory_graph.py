"""What a model remembers about names: its weighted graph, and the oracle's (2604.13777)."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lethe.common.files import read_json
from lethe.report.annotations import about
from lethe.report.figures.base import FigureData
from lethe.report.labels import run_label

READS = ("scores", "supervisions")
PAGE = {"title": "Memory graph", "place": 9}
RING, FAR = 1.0, 0.62
COLOURS = {"anchor": "#0072B2", "fact": "#D55E00", "entity": "#999999"}
# With at most this many anchors their names are written into a panel; more would overlap.
NAMED = 12


def draw(data: FigureData) -> Figure:
    """A panel for each model that was asked: names in a ring, around each what it remembers.

    The darker an edge, the larger its weight. Grey nodes are entities that answers name.
    """
    graphs = {one["run"]: read_json(one["path"]) for one in data.supervisions}
    figure = Figure(figsize=(7.0, 3.9))
    panels = figure.subplots(1, max(1, len(graphs)), squeeze=False)[0]
    for axes, (run, graph) in zip(panels, graphs.items(), strict=False):
        _panel(axes, graph)
        known = sum(one["known"] for one in graph["anchors"])
        axes.set_title(f"{run_label(run)}: {known} of {len(graph['anchors'])} names", fontsize=8)
    figure.suptitle(about(data), fontsize=9)
    return figure


def places(graph: Mapping) -> dict[str, tuple[float, float]]:
    """Where each node is: anchors evenly on a ring, nodes evenly around the anchor first linked."""
    anchors = [node["id"] for node in graph["nodes"] if node["kind"] == "anchor"]
    at = {name: _on_ring(number, len(anchors)) for number, name in enumerate(anchors)}
    beside: dict[str, list[str]] = {}
    first = {edge["to"]: edge["from"] for edge in reversed(graph["edges"])}
    for node, anchor in reversed(first.items()):
        beside.setdefault(anchor, []).append(node)
    for anchor, nodes in beside.items():
        for number, node in enumerate(nodes):
            angle = 2 * math.pi * number / len(nodes)
            # Two rings, in turn, so that many facts stay apart.
            far = FAR * (0.55 if number % 2 else 1.0) * RING / max(1, len(anchors) / 5)
            x, y = at[anchor]
            at[node] = x + far * math.cos(angle), y + far * math.sin(angle)
    return at


def _on_ring(number: int, count: int) -> tuple[float, float]:
    if count == 1:
        return 0.0, 0.0
    angle = math.pi / 2 - 2 * math.pi * number / count
    return RING * math.cos(angle), RING * math.sin(angle)


def _panel(axes: Axes, graph: Mapping) -> None:
    at = places(graph)
    for edge in graph["edges"]:
        (x, y), (to_x, to_y) = at[edge["from"]], at[edge["to"]]
        shade = 0.15 + 0.85 * min(1.0, max(0.0, edge["weight"]))
        axes.plot([x, to_x], [y, to_y], color="#444444", alpha=shade, lw=0.7, zorder=1)
    for kind, colour in COLOURS.items():
        own = [at[node["id"]] for node in graph["nodes"] if node["kind"] == kind]
        if own:
            size = 36 if kind == "anchor" else 9
            axes.scatter(*zip(*own, strict=True), s=size, color=colour, zorder=2)
    if not graph["nodes"]:
        axes.text(0.5, 0.5, "nothing known", transform=axes.transAxes, ha="center", fontsize=8)
    _write_names(axes, graph["nodes"], at)
    axes.set_aspect("equal")
    axes.axis("off")


def _write_names(axes: Axes, nodes: Sequence[Mapping], at: Mapping) -> None:
    named = [node["id"] for node in nodes if node["kind"] == "anchor"]
    for name in named if len(named) <= NAMED else []:
        x, y = at[name]
        axes.annotate(
            name, (x, y), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=6
        )
