"""Two processes (gloo, on the CPU) give what one gives: losses, weights and records."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import patience
from helpers.of_one_process import IN_SHARDS, RUNS, everything, in_shards
from safetensors.torch import load_file

from lethe.common.distributed import SingleProcess
from lethe.evaluate.records import read_records

TESTS = Path(__file__).parents[1]
NAMES = ("fit", *RUNS)


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Path:
    """What two processes found, each in its folder, and what one alone did."""
    place = tmp_path_factory.mktemp("processes")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    script = [str(TESTS / "helpers/of_one_process.py"), str(place / "two")]
    done = patience.run(
        [*launcher, "--nproc-per-node=2", *script],
        env={**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout[-4000:]
    everything(SingleProcess(), place / "one" / "process0")
    in_shards(SingleProcess(), place / "one" / "sharded0")
    return place


def losses(found: Path, name: str) -> list[float]:
    return json.loads((found / f"{name}.json").read_text())


@pytest.mark.parametrize("budget", [None, 80])
@pytest.mark.parametrize("name", NAMES)
def test_two_processes_train_as_one(name, budget, found):
    run = f"{name}_{budget}"
    one, first, second = (
        found / "one/process0",
        found / "two/process0",
        found / "two/process1",
    )
    assert len(losses(one, run)) == 6
    # An estimate divides a difference of losses by the radius: rounding counts a thousandfold.
    close = 1e-3 if name == "estimated" else 1e-4
    assert losses(first, run) == pytest.approx(losses(one, run), rel=close, abs=close)
    # Both hold the same model, to the bit.
    assert losses(first, run) == losses(second, run)
    ends = [np.load(place / f"{run}.npy") for place in (one, first, second)]
    assert np.array_equal(ends[1], ends[2])
    # Adam takes steps of its rate also where a gradient is nothing but rounding.
    apart = np.abs(ends[0] - ends[1])
    assert np.quantile(apart, 0.99) < close
    assert apart.max() < 6 * 1e-3


def test_two_processes_evaluate_as_one(found):
    one, two = (read_records(found / f"{n}/process0/records.json") for n in ("one", "two"))
    for name, there in one.checkpoints[0].sets.items():
        here = two.checkpoints[0].sets[name]
        assert here.question == there.question
        assert here.generation == there.generation
        for column in ("answer_loss", "answer_tokens", "perturbed_loss", "paraphrase_loss"):
            expected = getattr(there, column)
            if expected is None:
                assert getattr(here, column) is None
            else:
                assert np.allclose(getattr(here, column), expected, rtol=1e-5, atol=1e-6), column


def test_one_that_is_asked_to_end_stops_both(found):
    """At the same step; then both go on from there."""
    whole = losses(found / "one/process0", "fit_None")
    for place in ("two/process0", "two/process1"):
        assert losses(found / place, "stopped") == losses(found / place, "fit_None")
    assert losses(found / "one/process0", "stopped") == whole


@pytest.mark.parametrize("name", ["fit", *IN_SHARDS])
def test_two_processes_that_hold_a_model_together_train_as_one(name, found):
    """With shards of unequal size (28 rows of an odd number over two), and idle ones at times."""
    one, first, second = found / "one/sharded0", found / "two/sharded0", found / "two/sharded1"
    run = f"{name}_80"
    assert len(losses(one, run)) == 6
    assert losses(first, run) == pytest.approx(losses(one, run), rel=1e-4, abs=1e-4)
    assert losses(first, run) == losses(second, run)
    apart = np.abs(np.load(first / f"{run}.npy") - np.load(one / f"{run}.npy"))
    assert np.quantile(apart, 0.99) < 1e-4
    assert apart.max() < 6 * 1e-3
    assert not (second / f"{run}.npy").exists()


def test_a_checkpoint_of_shards_is_one_of_whole_weights(found):
    one, two = found / "one/sharded0/checkpoint", found / "two/sharded0/checkpoint"
    assert {f.name for f in one.iterdir()} == {f.name for f in two.iterdir()}
    assert (one / "config.json").read_bytes() == (two / "config.json").read_bytes()
    there, here = (load_file(place / "model.safetensors") for place in (one, two))
    assert there.keys() == here.keys()
    assert "lm_head.weight" not in here
    for name, weight in there.items():
        assert here[name].dtype == weight.dtype
        assert here[name].shape == weight.shape
        # Computed in bfloat16, whose sums depend on their order in the third digit.
        assert (here[name] - weight).abs().max() < 6 * 1e-3, name
    assert not (found / "two/sharded1/checkpoint").exists()


def test_processes_that_hold_a_model_together_go_on_from_what_they_saved(found):
    whole = losses(found / "two/sharded0", "fit_80")
    for place in ("two/sharded0", "two/sharded1"):
        assert losses(found / place, "stopped") == pytest.approx(whole, rel=1e-6)
