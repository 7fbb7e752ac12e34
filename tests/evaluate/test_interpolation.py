"""Lines between checkpoints: the ends, the middle, and what has no line."""

import copy

import pytest
import torch
from helpers.small_models import make_family

from lethe.analysis.barriers import barrier, barrier_file
from lethe.common.errors import LetheError
from lethe.evaluate.interpolation import Line, losses_between, places_of
from lethe.model import checkpoint
from lethe.model.architectures.llama import train_tokenizer
from lethe.model.encoder import Encoder
from lethe.model.likelihood import mean_losses

PAIRS = [(f"Who wrote book {n}?", f"Book {n} was written by author {n * 7}.") for n in range(4)]
ROWS = {"forget": [{"question": q, "answer": a} for q, a in PAIRS]}


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([f"{q} {a}" for q, a in PAIRS] * 3, 320)


@pytest.fixture
def ends(tokenizer, tmp_path):
    """Two models of different weights, saved; the models beside their folders."""
    one = make_family("llama", tokenizer)
    other = copy.deepcopy(one)
    with torch.no_grad():
        for number, weight in enumerate(other.parameters()):
            weight.add_(0.05 * torch.randn(weight.shape, generator=torch.manual_seed(number)))
    for name, model in (("one", one), ("other", other)):
        checkpoint.save(tmp_path / name, model, tokenizer, {})
    return tmp_path, one, other


def own_loss(model, tokenizer) -> float:
    losses = mean_losses(model, Encoder(tokenizer, "chat", 96).encode_all(PAIRS))
    return sum(losses) / len(losses)


def test_ends_are_the_checkpoints_and_the_middle_is_the_mean_of_the_weights(ends, tokenizer):
    folder, one, other = ends
    line = losses_between(folder / "one", folder / "other", ROWS, points=5, max_length=96)
    assert line.places == [0, 0.25, 0.5, 0.75, 1]
    assert line.losses["forget"][0] == own_loss(one, tokenizer)
    assert line.losses["forget"][-1] == own_loss(other, tokenizer)
    middle = copy.deepcopy(one)
    with torch.no_grad():
        for weight, end in zip(middle.parameters(), other.parameters(), strict=True):
            weight.copy_((weight + end) / 2)
    assert line.losses["forget"][2] == pytest.approx(own_loss(middle, tokenizer), abs=1e-5)
    back = losses_between(folder / "other", folder / "one", ROWS, points=5, max_length=96)
    assert back.losses["forget"] == pytest.approx(line.losses["forget"][::-1], abs=1e-5)


def test_a_line_to_itself_is_flat(ends):
    folder, *_ = ends
    line = losses_between(folder / "one", folder / "one", ROWS, points=3, max_length=96)
    assert len(set(line.losses["forget"])) == 1


def test_the_barrier_is_the_rise_above_the_higher_end():
    assert barrier([1.0, 2.5, 1.5]) == 1.0
    assert barrier([1.0, 0.5, 2.0]) == 0
    line = Line([0, 0.5, 1], {"retain": [0.25, 1.0, 0.5], "forget": [3.0, 2.0, 1.0]})
    (point,) = barrier_file(line).checkpoints
    assert point.values == {"retain": 0.5, "forget": 0}
    assert point.items == {"place": [0, 0.5, 1], **line.losses}


def test_what_has_no_line_is_one_line(ends, tokenizer):
    folder, *_ = ends
    checkpoint.save(folder / "wide", make_family("qwen2", tokenizer), tokenizer, {})
    with pytest.raises(LetheError, match=r"wide: its weights are not .* cannot be compared"):
        losses_between(folder / "one", folder / "wide", ROWS, max_length=96)
    with pytest.raises(LetheError, match="2 points leave none between the ends; set 3 or more"):
        places_of(2)
    assert places_of(11) == [number / 10 for number in range(11)]
