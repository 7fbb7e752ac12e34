"""Small copies of a model: same family and kinds of layers, but few and narrow, with large weights.

Which tokens see each other does not depend on a model's sizes, so it can be tried out on a copy.
Lengths that a configuration names (a window, the positions in a model's first training) are small
in the copy, so that even short texts exceed them.
"""

import copy
import math
import re
from collections.abc import Iterator
from typing import Any

import torch

# Sizes of a copy: every length that the configuration names, its positions, its vocabulary.
LENGTH, POSITIONS, VOCABULARY = 16, 64, 128
# Parameters: a model with fewer than the first number is not narrowed; no copy may have more than
# the second.
FEW, MOST = 2**22, 2**28
_LENGTHS = re.compile(r"window|^local_attention$|chunk_size|original_max_pos|^index_topk$")
_NO_LENGTHS = re.compile(r"layer|pattern|vocab")
_DEPTHS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers")
# Layers of a copy. Families that repeat a pattern of layers have all kinds within the first eight.
_PATTERN = re.compile(r"period|interval|pattern|layer_types|block_types|block_type|hybrid")
_SEVERAL, _TWO = 8, 2
# Kinds of RoPE that change beyond some length.
_CHANGING = ("dynamic", "longrope")
_AT_MOST = {
    "intermediate_size": 128,
    "moe_intermediate_size": 64,
    "shared_expert_intermediate_size": 64,
    "n_inner": 128,
    "ffn_dim": 128,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
}


class NoCopy(Exception):
    """No small copy of a model can be built."""


def lengths(config) -> list[int]:
    """The lengths in a configuration beyond which tokens see each other differently, sorted."""
    return sorted({value for part in _parts(config) for value in _named(part).values()})


def copies(model) -> Iterator[Any]:
    """Configurations of small copies, the smallest first; some may fail to build."""
    if sum(p.numel() for p in model.parameters()) > FEW:
        yield _small(model.config, narrow=True)
    yield _small(model.config, narrow=False)


def build(kind: type, config, attention: str | None):
    """A model of class ``kind`` with random weights large enough that each token matters.

    LookupError if even the copy is too large.
    """
    config._attn_implementation_internal = attention
    with torch.device("meta"):
        size = sum(p.numel() for p in kind(copy.deepcopy(config)).parameters())
    if size > MOST:
        raise LookupError(f"{size} parameters")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = kind(config).float().eval()
    return sharpened(model)


@torch.no_grad()
def sharpened(model):
    """Give a model large weights; with the usual small ones, contexts make hardly a difference."""
    draw = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        noise = torch.empty(parameter.shape).normal_(generator=draw)
        if parameter.dim() > 1:
            parameter.copy_(noise / math.sqrt(max(16, parameter.shape[-1])))
        else:
            parameter.add_(0.1 * noise)
    return model


def _parts(config) -> Iterator[Any]:
    """A configuration and those nested in it."""
    yield config
    for name in config.sub_configs:
        inner = getattr(config, name, None)
        if inner is not None:
            yield from _parts(inner)


def _named(config) -> dict[str, int]:
    """The lengths that one configuration names, by attribute."""
    named = {
        name: value
        for name, value in vars(config).items()
        if _LENGTHS.search(name) and not _NO_LENGTHS.search(name) and _is_count(value)
    }
    for rope in _ropes(config):
        value = rope.get("original_max_position_embeddings")
        if _is_count(value):
            named["rope"] = value
        if rope.get("rope_type") in _CHANGING and _is_count(_positions(config)):
            named["max_position_embeddings"] = _positions(config)
    return named


def _positions(config) -> Any:
    return getattr(config, "max_position_embeddings", None)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _ropes(config) -> list[dict]:
    """The settings of RoPE for each kind of layer."""
    given = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    if not isinstance(given, dict):
        return []
    inner = [value for value in given.values() if isinstance(value, dict)]
    return inner or [given]


def _small(config, narrow: bool):
    made = copy.deepcopy(config)
    for name in ("quantization_config",):
        if hasattr(made, name):
            delattr(made, name)
    for part in _parts(made):
        _shorten(part)
        _thin(part)
        _speak_little(part)
        if narrow:
            _narrow(part)
    return made


def _shorten(config) -> None:
    named = _named(config)
    if _is_count(_positions(config)):
        name = config.attribute_map.get("max_position_embeddings", "max_position_embeddings")
        setattr(config, name, POSITIONS)
    for name in named:
        if name == "rope":
            for rope in _ropes(config):
                if "original_max_position_embeddings" in rope:
                    rope["original_max_position_embeddings"] = LENGTH
        else:
            setattr(config, name, LENGTH)


def _thin(config) -> None:
    """Fewer layers, of every kind."""
    name = next((name for name in _DEPTHS if _is_count(getattr(config, name, None))), None)
    if name is None:
        return
    name = config.attribute_map.get(name, name)
    depth = getattr(config, name)
    repeats = any(_PATTERN.search(key) and value for key, value in vars(config).items())
    few = min(depth, _SEVERAL if repeats else _TWO)
    # Lists with an entry for each layer first: a depth that differs from them may be refused.
    for key, value in vars(config).items():
        if isinstance(value, list) and len(value) == depth:
            vars(config)[key] = value[:few]
    vars(config)[name] = few


def _speak_little(config) -> None:
    """A small vocabulary, with ids of special tokens that are in it."""
    if not _is_count(getattr(config, "vocab_size", None)) or config.vocab_size <= VOCABULARY:
        return
    vars(config)[config.attribute_map.get("vocab_size", "vocab_size")] = VOCABULARY
    for place, (name, value) in enumerate(sorted(vars(config).items())):
        if name.endswith("_token_id") and _is_count(value) and value >= VOCABULARY:
            vars(config)[name] = place % 4


def _narrow(config) -> None:
    """Fewer heads of the same size, and smaller numbers for everything in ``_AT_MOST``."""
    mapped = config.attribute_map
    names = [mapped.get(n, n) for n in ("hidden_size", "num_attention_heads")]
    width, heads = (getattr(config, name, None) for name in names)
    if _is_count(width) and _is_count(heads):
        groups = getattr(config, "num_key_value_heads", None)
        few = 4 if heads % 4 == 0 else heads
        vars(config)[names[0]] = width // heads * few
        vars(config)[names[1]] = few
        if _is_count(groups):
            vars(config)["num_key_value_heads"] = few if groups == heads else max(1, few // 2)
    for name, most in _AT_MOST.items():
        name = mapped.get(name, name)
        if _is_count(getattr(config, name, None)):
            vars(config)[name] = min(most, getattr(config, name))
