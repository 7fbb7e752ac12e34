"""Linear layers by oneDNN: the values and derivatives of torch's own, and where they are used."""

import copy

import pytest
import torch
from torch.nn.functional import linear

from lethe.model import onednn
from lethe.model.onednn import LEAST, STEP, OneDNNLinear, undo_onednn, use_onednn

pytestmark = pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="torch was built without oneDNN"
)
ROWS = [1, STEP - 1, STEP, STEP + 1, 3 * STEP + 7, 4 * STEP]
FEATURES = [(96, 160), (160, 96)]


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=draw)


def layers(inputs: int, outputs: int, bias: bool = False):
    """The same layer twice, the first by oneDNN."""
    torch.manual_seed(0)
    theirs = torch.nn.Linear(inputs, outputs, bias=bias)
    ours = copy.deepcopy(theirs)
    ours.__class__ = OneDNNLinear
    return ours, theirs


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """However few the multiplications."""
    monkeypatch.setattr(onednn, "LEAST", 0)


def of_both(function, inputs: int, outputs: int, bias: bool = False):
    return [function(layer) for layer in layers(inputs, outputs, bias)]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(("inputs", "outputs"), FEATURES)
def test_values_and_gradients_are_those_of_torch(rows, inputs, outputs):
    def derived(layer):
        x = drawn(2, rows, inputs).requires_grad_()
        out = layer(x)
        out.mul(drawn(2, rows, outputs, seed=1)).sum().backward()
        return out.detach(), x.grad, layer.weight.grad

    for ours, theirs in zip(*of_both(derived, inputs, outputs), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-4)
        assert ours.stride() == theirs.stride()


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(("inputs", "outputs"), FEATURES)
def test_second_derivatives_are_those_of_torch(rows, inputs, outputs):
    def derived(layer):
        x = drawn(rows, inputs).requires_grad_()
        value = layer(x).pow(3).mean()
        first = torch.autograd.grad(value, [x, layer.weight], create_graph=True)
        again = sum(gradient.square().sum() for gradient in first)
        return torch.autograd.grad(again, [x, layer.weight])

    for ours, theirs in zip(*of_both(derived, inputs, outputs), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_bias_is_added():
    ours, theirs = of_both(lambda layer: layer(drawn(3 * STEP + 5, 96)), 96, 160, bias=True)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_weights_that_are_frozen_have_no_gradient():
    layer, _ = layers(96, 160)
    layer.weight.requires_grad_(False)
    x = drawn(2 * STEP, 96).requires_grad_()
    layer(x).sum().backward()
    assert layer.weight.grad is None
    torch.testing.assert_close(x.grad, layer.weight.sum(0).expand_as(x), rtol=1e-5, atol=1e-4)


@pytest.fixture
def counted(monkeypatch):
    """How many products oneDNN made."""
    calls = []
    own = onednn._multiplied
    monkeypatch.setattr(onednn, "_multiplied", lambda a, b: calls.append(1) or own(a, b))
    return calls


def test_other_numbers_and_small_products_are_left_to_torch(monkeypatch, counted):
    layer, _ = layers(96, 160)
    layer(drawn(2 * STEP, 96))
    assert len(counted) == 1
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(drawn(2 * STEP, 96)).dtype == torch.bfloat16
    layer.double()(drawn(2 * STEP, 96).double())
    layer.float()
    monkeypatch.setattr(onednn, "LEAST", LEAST)
    layer(drawn(STEP, 96))
    assert len(counted) == 1


def test_only_layers_of_torch_itself_are_changed_and_back(monkeypatch):
    class Other(torch.nn.Linear):
        def forward(self, rows):
            return linear(rows, 2 * self.weight)

    model = torch.nn.Sequential(torch.nn.Linear(4, 4), Other(4, 4), torch.nn.LayerNorm(4))
    names = [*model.state_dict()]
    monkeypatch.setattr(onednn, "is_faster", lambda: True)
    use_onednn(model)
    assert [type(layer) for layer in model] == [OneDNNLinear, Other, torch.nn.LayerNorm]
    assert [*model.state_dict()] == names
    undo_onednn(model)
    assert type(model[0]) is torch.nn.Linear


@pytest.mark.parametrize(
    ("maker", "capability", "wanted"),
    [
        ("vendor_id : AuthenticAMD", "AVX512", True),
        ("vendor_id : AuthenticAMD", "AVX2", False),
        ("vendor_id : GenuineIntel", "AVX512", False),
    ],
)
def test_it_is_used_where_the_usual_library_leaves_half(monkeypatch, maker, capability, wanted):
    monkeypatch.setattr(onednn, "_maker", lambda: maker)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert onednn.is_faster.__wrapped__() is wanted
    monkeypatch.setattr(onednn, "is_faster", lambda: wanted)
    model = torch.nn.Sequential(torch.nn.Linear(4, 4))
    use_onednn(model)
    assert (type(model[0]) is OneDNNLinear) is wanted


def test_the_maker_is_found():
    assert any(name in onednn._maker() for name in ("AMD", "Intel", "ARM", "arm", "CPU"))
