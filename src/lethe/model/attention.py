"""Attention within each sequence of a packed row, through transformers' attention interface.

Every model that supports that interface runs packed batches unchanged.
"""

from functools import partial
from inspect import signature

import torch
from torch.nn.functional import scaled_dot_product_attention

from lethe.common.errors import LetheError
from lethe.model import attached
from lethe.model.batch import Packing

ATTENTION = "lethe_packed"
# Their names in transformers. A name containing "flash" would make it look for a kernel of that
# name on the hub.
NAMES = {"sdpa": ATTENTION, "eager": f"{ATTENTION}_eager", "flash": f"{ATTENTION}_varlen"}


def packed_attention(
    module,
    query,
    key,
    value,
    attention_mask,
    scaling=None,
    dropout=0.0,
    kind="sdpa",
    told_of_groups=True,
    **kwargs,
):
    """Attention within each sequence of a packed row, [1, T, H, D].

    query [1, H, T, D], key and value [1, H_kv, T, D]; the ``Packing`` comes as keyword. ``kind`` is
    ``sdpa`` (torch's choice of kernel), ``eager`` (plain products and a softmax in float32) or
    ``flash`` (torch's FlashAttention on the packed row itself, without the padded layout; a tree or
    a padded batch, which it cannot mask, falls back to SDPA). Without a ``Packing`` (in generation
    with a cache, say) ``flash`` is transformers' SDPA too; ``one_token`` among the keywords: each
    query is a single token.
    """
    packing: Packing | None = kwargs.pop("packing", None)
    one_token = kwargs.pop("one_token", False)
    if kwargs.get("softcap") is not None and kind != "eager":
        raise LetheError(
            f"attention: {kind} cannot cap scores, which this model needs; set it to eager"
        )
    if packing is None:
        if kind == "eager":
            return eager(module, query, key, value, attention_mask, scaling, dropout, **kwargs)
        if one_token and query.shape[1] > key.shape[1]:
            return _one_token(query, key, value, attention_mask, scaling), None
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **kwargs
        )
    if packing.exchange is not None:
        key, value = packing.exchange(key, value)
    window = kwargs.get("sliding_window")
    if kind == "flash" and packing.mask is None and not packing.shared and not dropout:
        return flash(query, key, value, packing, scaling, window, told_of_groups), None
    blocks = zip(*(packing.spread(tensor) for tensor in (query, key, value)), strict=True)
    pairs = zip(blocks, packing.masks(window), strict=True)
    if kind == "eager":
        outputs = [
            eager(module, *block, mask, scaling, dropout, **kwargs)[0] for block, mask in pairs
        ]
        return packing.collapse([out.transpose(1, 2) for out in outputs]), None
    outputs = [
        scaled_dot_product_attention(
            *block,
            attn_mask=mask,
            is_causal=mask is None,
            scale=scaling,
            dropout_p=dropout,
            enable_gqa=getattr(module, "num_key_value_groups", 1) > 1,
        )
        for block, mask in pairs
    ]
    return packing.collapse(outputs), None


def _one_token(query, key, value, mask, scaling=None) -> torch.Tensor:
    """Attention of one token, query [B, H, 1, D], to keys and values of fewer heads [B, G, S, D].

    The queries that share a head take the place of tokens, so that keys and values need not be
    copied for each of them. ``mask`` [B or 1, 1, 1, S or 1]. Returns [B, 1, H, D].
    """
    rows, heads, _, size = query.shape
    shared = query.reshape(rows, key.shape[1], heads // key.shape[1], size)
    if mask is not None and mask.shape[-1] == 1:
        # Every token is seen.
        mask = None
    out = scaled_dot_product_attention(shared, key, value, attn_mask=mask, scale=scaling)
    return out.reshape(rows, 1, heads, size)


def eager(module, query, key, value, mask, scaling=None, dropout=0.0, softcap=None, **kwargs):
    """Attention by its definition: query [B, H, L, D], key and value [B, H_kv, S, D].

    ``mask`` [B, 1, L, S] is true where a token is seen; None: causal. Returns [B, L, H, D]. It
    supports ``softcap`` (Gemma 2), which SDPA does not.
    """
    groups = query.shape[1] // key.shape[1]
    key, value = (t.repeat_interleave(groups, dim=1) for t in (key, value))
    scores = query.float() @ key.float().transpose(2, 3)
    scores = scores * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if mask is None:
        length, seen = scores.shape[-2:]
        mask = torch.ones(length, seen, dtype=torch.bool, device=scores.device)
        mask = mask.tril(seen - length)
    weights = scores.masked_fill(~mask, -torch.inf).softmax(-1)
    weights = torch.dropout(weights, dropout, train=module.training).to(value.dtype)
    return (weights @ value).transpose(1, 2), None


def flash(
    query, key, value, packing: Packing, scaling=None, window=None, told_of_groups=True
) -> torch.Tensor:
    """FlashAttention on a packed row: causal, each sequence by itself; CUDA and 16 bits only.

    ``told_of_groups``: whether torch's kernel needs an argument for grouped heads. That of torch
    2.11 detects them by itself and takes no such argument.
    """
    from torch.nn.attention.varlen import varlen_attn

    bounds, longest = packing.bounds
    # Autocast leaves rotated queries and keys in float32 and does not cover this kernel.
    rows = (tensor[0].transpose(0, 1).to(value.dtype) for tensor in (query, key, value))
    back = -1 if window is None or window > longest else window - 1
    settings = {"scale": scaling, "window_size": (back, 0)}
    if told_of_groups:
        settings["enable_gqa"] = query.shape[1] != key.shape[1]
    return varlen_attn(*rows, bounds, bounds, longest, longest, **settings)[None]


def kernel_settings(kind: str) -> dict:
    """What ``packed_attention`` must know of a kernel, with this version of torch."""
    if kind != "flash":
        return {"kind": kind}
    from torch.nn.attention.varlen import varlen_attn

    return {"kind": kind, "told_of_groups": "enable_gqa" in signature(varlen_attn).parameters}


def runs_packed(model) -> bool:
    """Whether a model's attention is one of ours, which keeps packed texts apart."""
    return getattr(model.config, "_attn_implementation", None) in NAMES.values()


def use_packing(model, kind: str = "sdpa") -> None:
    """Let a transformers model run packed batches; other calls behave as before."""
    from transformers.masking_utils import sdpa_mask

    if kind == "flash" and (model.dtype != torch.bfloat16 or not torch.cuda.is_available()):
        raise LetheError("attention: flash needs CUDA and dtype bfloat16; choose sdpa")
    name = NAMES[kind]
    attached.register_attention(name, partial(packed_attention, **kernel_settings(kind)), sdpa_mask)
    model.set_attn_implementation(name)
