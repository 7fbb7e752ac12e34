"""The newer methods on real weights, whole and with adapters (docs/smollm2.md); skipped without."""

import pytest
from helpers import real_weights
from helpers.newer_methods import INTERVENTIONS, WHOLE
from helpers.real_weights import REAL_RUNS, WRITTEN
from helpers.shared_data import shared_folder

pytestmark = pytest.mark.weights
# Searches so short decide little: prefixes and edits that were hardly searched are for all rows.
UNDECIDED = {"cap", WRITTEN, "zero_unlearn", "zero_unlearn_gd"}
# GiB; OFMU keeps the graph of a gradient.
MEMORY = {"ofmu": 16}
# What a checkpoint of adapters is merged into is rounded anew.
MERGED = 1e-3


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A checkpoint that has learned the rows."""
    source = real_weights.weights()
    if source is None:
        pytest.skip(f"no weights at {real_weights.WEIGHTS}; docs/smollm2.md says how to get them")
    shared_folder("data", "tofu")
    folder = tmp_path_factory.mktemp("smollm2")
    return real_weights.apart(real_weights.learn, source, folder)


def became(run, adapters, learned, tmp_path):
    of = real_weights.apart(real_weights.outcome, run, adapters, learned, tmp_path / "run")
    print(run, "adapters" if adapters else "whole weights", of)
    return of


@pytest.mark.parametrize("run", REAL_RUNS)
def test_whole_weights(run, learned, tmp_path):
    of = became(run, False, learned, tmp_path)
    assert not of.refusal
    assert of.finite
    assert of.changed == (run not in INTERVENTIONS | {WRITTEN})
    assert of.forget[2] == of.forget[1]
    assert of.retain[2] == of.retain[1]
    assert of.forget[1] > of.forget[0]
    if run not in UNDECIDED:
        assert of.forget[1] - of.forget[0] > of.retain[1] - of.retain[0]
    assert of.cost["forward_passes"] > 0
    assert of.cost["peak_memory_mib"] < MEMORY.get(run, 8) * 1024


@pytest.mark.parametrize("run", [run for run in REAL_RUNS if run not in WHOLE | {"uld"}])
def test_adapters(run, learned, tmp_path):
    of = became(run, True, learned, tmp_path)
    assert not of.refusal
    assert of.finite
    # Of the weights below them.
    assert not of.changed
    assert of.forget[2] == pytest.approx(of.forget[1], rel=MERGED)
    assert of.retain[2] == pytest.approx(of.retain[1], rel=MERGED)
    assert of.forget[1] > of.forget[0]


@pytest.mark.parametrize("run", [*WHOLE, "uld"])
def test_what_needs_whole_weights_refuses_adapters(run, learned, tmp_path):
    refusal = became(run, True, learned, tmp_path).refusal
    assert "leave adapters out" in refusal
    assert "\n" not in refusal
