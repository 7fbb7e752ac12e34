"""Other weights for the same function: rotated attention heads, permuted hidden units.

The maps are linear in the weights, so they apply to differences of weights as well. Source: the
reparametrisations of MPU (arXiv 2602.23798).
"""

import math
import random
from collections.abc import Mapping

import torch

from lethe.common.errors import LetheError
from lethe.model.forward import decoder_layers

Weights = Mapping[str, torch.Tensor]
# Names, by model family, of the projections of attention and of the feed-forward block.
OUTPUTS = ("o_proj", "dense")
WIDENING = (("gate_proj", "up_proj"), ("up_proj",), ("fc1",))
NARROWING = ("down_proj", "fc2")
# Norms of queries and keys do not commute with rotations.
NORMS = ("q_norm", "k_norm", "q_layernorm", "k_layernorm")


class Reparametrisation:
    """A random map T of a model's weights that does not change its function.

    In each layer every key-value head, with the query heads that it serves, is rotated by its own
    angle in each plane (i, i + rotary dimensions / 2): these rotations commute with rotary
    position embeddings. The feed-forward block's hidden units are permuted.
    """

    def __init__(self, model, seed: int | str):
        draw = torch.Generator().manual_seed(random.Random(f"reparametrise/{seed}").getrandbits(63))
        self.names = {id(p): name for name, p in model.named_parameters()}
        # By parameter: the rotated axis, angles [heads, planes] and heads; the permuted axis and
        # order.
        self.turned: dict[str, tuple[int, torch.Tensor, int]] = {}
        self.permuted: dict[str, tuple[int, torch.Tensor]] = {}
        for layer in decoder_layers(model):
            self._attention(_holder(layer, ("q_proj", "k_proj", "v_proj")), draw)
            self._feed_forward(layer, draw)

    def __call__(self, values: Weights, inverse: bool = False) -> dict[str, torch.Tensor]:
        """T, or its inverse, applied to weights or differences of weights, by name."""
        moved = dict(values)
        for name, (axis, angles, heads) in self.turned.items():
            moved[name] = _turn(values[name], axis, -angles if inverse else angles, heads)
        for name, (axis, order) in self.permuted.items():
            order = order.argsort() if inverse else order
            moved[name] = values[name].index_select(axis, order.to(values[name].device))
        return moved

    def _attention(self, attention, draw) -> None:
        if any(getattr(attention, name, None) is not None for name in NORMS):
            raise LetheError(_unknown(attention, "its queries and keys are normalised"))
        size = attention.head_dim
        turning = getattr(attention, "rotary_ndims", size)
        heads = attention.k_proj.out_features // size
        angles = 2 * math.pi * torch.rand(heads, turning // 2, generator=draw)
        groups = attention.q_proj.out_features // attention.k_proj.out_features
        queries = angles.repeat_interleave(groups, 0)
        for projection, own in (
            (attention.q_proj, queries),
            (attention.k_proj, angles),
            (attention.v_proj, angles),
        ):
            for p in projection.parameters():
                self.turned[self.names[id(p)]] = (0, own, len(own))
        output = next(getattr(attention, name) for name in OUTPUTS if hasattr(attention, name))
        self.turned[self.names[id(output.weight)]] = (1, queries, len(queries))

    def _feed_forward(self, layer, draw) -> None:
        block = _holder(layer, NARROWING[:1], NARROWING[1:])
        wide = next(names for names in WIDENING if all(hasattr(block, name) for name in names))
        narrow = next(getattr(block, name) for name in NARROWING if hasattr(block, name))
        order = torch.randperm(narrow.in_features, generator=draw)
        for name in wide:
            for p in getattr(block, name).parameters():
                self.permuted[self.names[id(p)]] = (0, order)
        self.permuted[self.names[id(narrow.weight)]] = (1, order)


def _holder(layer, *any_of: tuple[str, ...]):
    """The module of a layer that has all attributes of one of the tuples."""
    for module in layer.modules():
        if any(all(hasattr(module, name) for name in names) for names in any_of):
            return module
    raise LetheError(_unknown(layer, f"it has no {' or '.join(map(str, any_of))}"))


def _unknown(module, why: str) -> str:
    return f"{type(module).__name__}: no known reparametrisation, {why}; set transforms: false"


def _turn(values: torch.Tensor, axis: int, angles: torch.Tensor, heads: int) -> torch.Tensor:
    """Each head's coordinates along ``axis``, rotated in the planes (i, i + planes)."""
    first = values.movedim(axis, 0)
    by_head = first.reshape(heads, -1, *first.shape[1:])
    planes = angles.shape[1]
    shape = (heads, planes, *[1] * (by_head.dim() - 2))
    cos, sin = (f(angles).to(values).view(shape) for f in (torch.cos, torch.sin))
    a, b, rest = by_head[:, :planes], by_head[:, planes : 2 * planes], by_head[:, 2 * planes :]
    turned = torch.cat([cos * a + sin * b, cos * b - sin * a, rest], 1)
    return turned.reshape(first.shape).movedim(0, axis)
