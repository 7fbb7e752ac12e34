"""Quantization: rounds the weights of the decoder's layers to a few bits, as for deployment."""

from importlib.util import find_spec
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

NEEDS = ()
# The groups of weights that bitsandbytes can quantise together.
BLOCKS = (32, 64, 128, 256, 512, 1024, 2048, 4096)


class QuantizationSettings(BaseModel):
    """``bits`` per weight; ``group``: how many weights, along a layer's inputs, share a scale.

    ``kind``: ``integer``, rounding to nearest; or ``nf4``, four bits by bitsandbytes, which groups
    weights in the order in which a matrix stores them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bits: int = Field(4, ge=2, le=8)
    group: int = Field(32, ge=1)
    kind: Literal["integer", "nf4"] = "integer"

    @field_validator("kind")
    @classmethod
    def _possible(cls, kind: str, info) -> str:
        bits, group = info.data.get("bits", 4), info.data.get("group", 64)
        if kind == "nf4" and bits != 4:
            raise ValueError(f"nf4 has 4 bits, not {bits}; set bits to 4")
        if kind == "nf4" and group not in BLOCKS:
            raise ValueError(f"nf4 has no groups of {group}; set group to 64")
        if kind == "nf4" and find_spec("bitsandbytes") is None:
            raise ValueError("nf4 needs bitsandbytes, which is not installed; pip install it")
        return kind


settings_class = QuantizationSettings


def change(model, settings, examples, seed, report, how=None) -> None:
    """Round in place: same dtype, but few values in each group (2^bits - 1 integers, or 16).

    Applies to every matrix of the decoder's layers; embeddings, output layer, norms and biases are
    left alone, as is usual (Zhang et al., "Catastrophic Failure of LLM Unlearning via
    Quantization", 2410.16454).
    """
    import torch

    from lethe.evaluate.attacks._matrices import matrices

    with torch.no_grad():
        all_of_them = list(matrices(model))
        for number, (weight, transposed) in enumerate(all_of_them, start=1):
            rows = weight.T if transposed else weight
            if settings.kind == "nf4":
                rounded = nf4(rows.contiguous(), settings.group)
            else:
                rounded = rounded_to(rows, settings.bits, settings.group)
            weight.copy_(rounded.T if transposed else rounded)
            report(number, len(all_of_them))


def nf4(rows, group: int):
    """The weights after quantising them to NF4 (QLoRA, arXiv 2305.14314) and back."""
    from bitsandbytes import functional

    return functional.dequantize_4bit(
        *functional.quantize_4bit(rows, blocksize=group, quant_type="nf4")
    )


def rounded_to(rows, bits: int, group: int):
    """Each group of a row [outputs, inputs] as integers times a scale, symmetric about 0.

    scale = max|w| / (2^(bits - 1) - 1): the largest weight of a group is exact. A row's last
    group may be smaller.
    """
    import torch

    outputs, inputs = rows.shape
    fill = -inputs % group
    parts = torch.nn.functional.pad(rows, (0, fill)).reshape(outputs, -1, group)
    scale = parts.abs().amax(-1, keepdim=True) / (2 ** (bits - 1) - 1)
    rounded = torch.where(scale > 0, (parts / scale).round() * scale, parts)
    return rounded.reshape(outputs, -1)[:, :inputs]
