"""Reasoning traces and memories in a configuration: what is refused before any job runs."""

import json

import pytest
from helpers.configurations import message, written

from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import build
from lethe.world.schema import QUESTIONS_PER_AUTHOR

METRICS = ["probability", "bypass_gap"]


def of(traces, metrics=METRICS, **more):
    # The default figures show metrics that are not listed here.
    return written({"world": {"traces": traces}, "metrics": metrics, "figures": [], **more})


def test_a_world_with_traces_passes_and_gets_the_defaults():
    config = build(of({}))
    check(config)
    traces = config.world.traces
    assert (traces.source, traces.heads, traces.forget) == ("made", 6, "answer")
    assert build(written()).world.traces is None


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        (
            {"world": {"traces": {"source": "cot"}}},
            "synthetic has no traces of the source cot;",
        ),
        ({"world": {"traces": {"source": "thought"}}}, "world.traces.source"),
        ({"world": {"traces": {"heads": 13}}}, "world.traces.heads"),
        ({"world": {"traces": {"head": 6}}}, "world.traces.head: unknown key"),
        ({"metrics": METRICS}, "the world has no reasoning traces; set world.traces, or leave out"),
        (
            {"world": {"traces": {}}, "suite_settings": {"traces": {"prefills": "canonicl"}}},
            "unknown prefill 'canonicl'; did you mean canonical?",
        ),
        (
            {"metric_settings": {"bypass_gap": {"threshold": 0.0}}},
            "threshold is 0.0; set it to a",
        ),
        (
            {"metric_settings": {"state_contamination": {"threshold": 1.5}}},
            "'state_contamination': threshold is 1.5; set it to a number above 0 to at most 1",
        ),
        ({"suite_settings": {"agent_memory": {"threshold": -1.0}}}, "threshold is -1.0; set it to"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(overlay, words):
    said = message(written(overlay))
    assert words in said
    assert "\n" not in said


def test_published_rows_without_the_column_are_refused(tmp_path):
    rows = [{"question": f"Q{k}?", "answer": f"A{k}."} for k in range(4 * QUESTIONS_PER_AUTHOR)]
    more = {"paraphrased_answer": "P.", "perturbed_answer": ["a"]}
    facts = {"question": "Q", "answer": "w"} | {f"option{k}": "wxyz"[k - 1] for k in range(1, 5)}
    files = {"full": rows, "full_perturbed": [{**row, **more} for row in rows]}
    files |= {"real_authors": [facts], "world_facts": [facts]}
    for name, some in files.items():
        (tmp_path / f"{name}.json").write_text("".join(f"{json.dumps(row)}\n" for row in some))
    world = {
        **{"provider": "tofu", "path": str(tmp_path), "authors": 4, "holdout_authors": 0},
        **{"perturbed_retain_authors": 1, "traces": {"source": "cot"}},
    }
    own = {"world": world, "splits": ["forget25"], "metrics": METRICS, "figures": []}
    said = message(written(own))
    assert said.startswith("world.traces: no cot for 'Q0?'; add the column to the rows of full")
    for row in rows:
        row["cot"] = "Hmm."
    (tmp_path / "full.json").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    check(build(written(own)))
