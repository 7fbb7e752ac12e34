"""The configuration's supervision: which method gets which, and every mistake as one line."""

import pytest
from helpers.configurations import configured, message, written

from lethe.pipeline import supervisions
from lethe.pipeline.config.check import check

GRAPH = {"supervision": "graph"}


def mine(**settings) -> dict:
    return {"methods": ["mine"], "method_settings": {"mine": {"method": "npo_retain", **settings}}}


def test_a_methods_own_supervision_comes_before_that_of_all():
    config = configured(
        {"methods": ["npo", "mine"], "method_settings": mine(**GRAPH)["method_settings"]}
    )
    check(config)
    chosen = [supervisions.of_method(config, name) for name in ("npo", "mine")]
    assert chosen == ["gold", "graph"]
    assert config.supervisions == ["graph"]
    config = configured(
        {"supervision": "direct", **mine(supervision="gold"), "methods": ["npo", "mine"]}
    )
    assert [supervisions.of_method(config, name) for name in ("npo", "mine")] == ["direct", "gold"]
    assert configured().supervisions == []
    assert supervisions.settings_of(config, "graph")["samples"] == 5


@pytest.mark.parametrize(
    ("overlay", "line"),
    [
        ({"supervision": "grph"}, "config: supervision: unknown 'grph'; did you mean graph?"),
        (mine(supervision="grph"), "method_settings.mine.supervision: unknown 'grph'"),
        ({"supervision_settings": {"grph": {}}}, "supervision_settings: unknown supervision"),
        (
            {"supervision_settings": {"graph": {"sampels": 1}}},
            "config: supervision_settings.graph.sampels: unknown setting",
        ),
        (mine(**GRAPH, method="altpo"), "mine.supervision: the method needs alternatives, which"),
        (
            {**GRAPH, "methods": ["npo_retain", "mine"],
             "method_settings": {"mine": {"method": "npo", "previous_run": "npo_retain"}}},
            "config: supervision: mine starts from another run",
        ),
        (
            {**mine(**GRAPH), "splits": ["part"],
             "split_settings": {"part": {"kind": "partial", "authors": 6, "facts": 10}}},
            "part (partial) forgets something else; use gold",
        ),
        ({"figures": ["memory_graph"]}, "memory_graph needs a method with the supervision graph"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line(overlay, line):
    assert line in message(written(overlay))
