"""Packing a base for shipping, and unpacking it where a run expects one."""

import pytest
import torch

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.model import checkpoint, shipping
from lethe.pipeline import recipe


@pytest.fixture
def saved(model, tokenizer, tmp_path):
    checkpoint.save(tmp_path / "trained", model, tokenizer, {"stage": "base"})
    return tmp_path / "trained"


@pytest.fixture
def packed(saved, tmp_path):
    folder = tmp_path / "shipped"
    shipping.pack(saved, folder, {"recipe": "tiny"})
    return folder


def test_weights_are_the_trained_ones_in_half_the_bytes(saved, packed):
    before, _ = checkpoint.load(saved)
    after, _ = checkpoint.load(packed)
    for name, weight in before.state_dict().items():
        assert torch.equal(after.state_dict()[name], weight.bfloat16().float()), name
    half = (saved / paths.WEIGHTS).stat().st_size / 2
    assert (packed / paths.WEIGHTS).stat().st_size == pytest.approx(half, rel=0.1)
    assert checkpoint.origin(packed) == {**checkpoint.origin(saved), "recipe": "tiny"}


def test_unpacking_copies_the_checkpoint_and_nothing_else(packed, tmp_path):
    (packed / "training.csv").write_text("step,loss\n")
    shipping.unpack(packed, tmp_path / "base")
    assert not (tmp_path / "base/training.csv").exists()
    assert checkpoint.origin(tmp_path / "base") == checkpoint.origin(packed)
    checkpoint.load(tmp_path / "base")


def test_a_damaged_base_is_refused_in_one_line(packed, tmp_path):
    weights = packed / paths.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    with pytest.raises(LetheError, match="not those that were written"):
        shipping.unpack(packed, tmp_path / "base")


def test_a_base_too_large_to_ship_is_refused(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(shipping, "MOST", 1000)
    with pytest.raises(LetheError, match=r"make the architecture of its recipe smaller"):
        shipping.pack(saved, tmp_path / "shipped", {})


def test_the_losses_are_those_that_the_log_reports():
    log = (
        "2026-11-27 12:00:00,000 base: step 2 of 9, loss 6.500, 5 s, about 17 s left\n"
        "2026-11-27 12:00:05,000 base: step 9 of 9, loss 0.125, 22 s, about 0 s left\n"
    )
    assert shipping.losses(log) == "step,loss\n2,6.500\n9,0.125\n"


@pytest.mark.parametrize("name", recipe.names())
def test_what_is_shipped_is_whole_and_small(name, tmp_path):
    folder = recipe.shipped(name)
    assert (folder / paths.WEIGHTS).stat().st_size <= shipping.MOST
    shipping.unpack(folder, tmp_path / "base")
    model, _ = checkpoint.load(tmp_path / "base", template=recipe.load(name).template)
    assert all(weight.isfinite().all() for weight in model.parameters())
    assert checkpoint.origin(tmp_path / "base")["recipe_sha256"] == recipe.load(name).digest()
