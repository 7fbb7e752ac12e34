"""What a second defence does to a first: against changes that were made by hand."""

import copy
import math

import pytest
import torch
from helpers.small_models import make_family

from lethe.analysis.defences import pair_file
from lethe.common.errors import LetheError
from lethe.evaluate.defence_pair import Measured, measure_pair, prompt_means, risks
from lethe.model import checkpoint
from lethe.model.architectures.llama import train_tokenizer
from lethe.model.encoder import Encoder
from lethe.model.layer_changes import layers_by_name
from lethe.model.likelihood import mean_losses

FIRST = [{"question": f"Who wrote {n}?", "unwanted": f"Author {n * 7} did."} for n in range(4)]
SECOND = [
    {"question": f"Is {n} safe?", "wanted": "It is not.", "unwanted": f"Yes, {n} is."}
    for n in range(3)
]
ROWS = {"first": FIRST, "second": SECOND}


@pytest.fixture(scope="module")
def tokenizer():
    texts = [" ".join(row.values()) for row in FIRST + SECOND]
    return train_tokenizer(texts * 3, 320)


@pytest.fixture
def three(tokenizer, tmp_path):
    """W0, W1 and W2: the second update takes half of the first back, but of the last layer."""
    before = make_family("llama", tokenizer)
    between, after = copy.deepcopy(before), copy.deepcopy(before)
    layers = [list(layers_by_name(m).values()) for m in (before, between, after)]
    with torch.no_grad():
        for number, (zero, one, two) in enumerate(zip(*layers, strict=True)):
            seeded = torch.manual_seed(number)
            for p, q, r in zip(*(m.parameters() for m in (zero, one, two)), strict=True):
                step = 0.05 * torch.randn(p.shape, generator=seeded)
                q.add_(step)
                r.add_(step if number == len(layers[0]) - 1 else 0.5 * step)
    models = {"before": before, "between": between, "after": after}
    for name, model in models.items():
        checkpoint.save(tmp_path / name, model, tokenizer, {})
    return [tmp_path / name for name in models], models


def test_risks_are_likelihoods_of_what_may_not_be_said(three, tokenizer):
    model, encoder = three[1]["before"], Encoder(tokenizer, "chat", 96)
    pairs = [(row["question"], row["unwanted"]) for row in FIRST]
    wanted = [math.exp(-loss) for loss in mean_losses(model, encoder.encode_all(pairs))]
    assert risks(model, encoder, FIRST) == pytest.approx(wanted)
    both = [
        [math.exp(-x) for x in mean_losses(model, encoder.encode_all([(r["question"], r[key])]))]
        for r in SECOND
        for key in ("unwanted", "wanted")
    ]
    shares = [u / (u + w) for [u], [w] in zip(both[::2], both[1::2], strict=True)]
    assert risks(model, encoder, SECOND) == pytest.approx(shares, rel=1e-5)


def test_updates_and_interference_of_made_changes(three, tokenizer):
    folders, models = three
    found = measure_pair(folders, ROWS, max_length=96)
    *taken_back, last = found.layers["alignment"]
    assert taken_back == pytest.approx([-1] * len(taken_back), abs=1e-5)
    # No update at all of the last layer.
    assert last == 0
    assert found.layers["changed"] == [1.0] * len(taken_back) + [0.0]
    encoder = Encoder(tokenizer, "chat", 96)
    means = {when: prompt_means(model, encoder, FIRST) for when, model in models.items()}
    for number, name in enumerate(means["before"]):
        first = means["between"][name] - means["before"][name]
        interference = means["after"][name] - means["between"][name]
        along = float(interference @ first) / float(first.norm())
        assert found.layers["interference_along_first"][number] == pytest.approx(along, rel=1e-4)
        cosine = along / float(interference.norm())
        assert found.layers["interference_first_cosine"][number] == pytest.approx(cosine, rel=1e-4)
    # What takes half of an update back goes against it.
    assert found.layers["interference_first_cosine"][0] < -0.5
    assert {of: set(when) for of, when in found.risks.items()} == {
        of: {"before", "between", "after"} for of in ROWS
    }


def test_a_defence_that_changes_nothing_interferes_with_nothing(three):
    (before, between, _), _ = three
    values = pair_file(measure_pair([before, between, between], ROWS, max_length=96)).checkpoints[0]
    assert values.values["rise"] == values.values["success"] == 0
    assert values.values["frozen"] == len(values.items["changed"])
    for name in ("alignment", "interference_along_first", "shifts_cosine"):
        assert values.values[name] == 0
        assert set(values.items[name]) == {0.0}


def test_the_numbers_of_a_pair_by_hand():
    risk = {"before": [0.9, 0.7], "between": [0.1, 0.3], "after": [0.5, 0.5]}
    layers = {
        "alignment": [-0.5, 0.0, -0.1],
        "changed": [1.0, 0.0, 1.0],
        "shifts_cosine": [0.2] * 3,
    }
    (point,) = pair_file(Measured({"first": risk, "second": risk}, layers)).checkpoints
    values = point.values
    assert values["first_before"] == pytest.approx(0.8)
    assert values["rise"] == pytest.approx(0.3)
    assert values["success"] == pytest.approx(-0.3)
    assert values["alignment"] == pytest.approx(-0.3)
    assert values["frozen"] == 1
    assert point.items["risk_first_after"] == [0.5, 0.5]


def test_other_architectures_are_refused(three, tokenizer):
    folders, _ = three
    wide = folders[0].parent / "wide"
    checkpoint.save(wide, make_family("qwen2", tokenizer), tokenizer, {})
    with pytest.raises(LetheError, match=r"wide: its weights are not .* cannot be compared"):
        measure_pair([*folders[:2], wide], ROWS, max_length=96)
