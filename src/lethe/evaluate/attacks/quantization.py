"""Quantization: rounds the weights of the decoder's layers to a few bits, as for deployment."""

from pydantic import BaseModel, ConfigDict, Field

NEEDS = ()


class QuantizationSettings(BaseModel):
    """``bits`` per weight; ``group``: how many weights, along a layer's inputs, share a scale."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bits: int = Field(4, ge=2, le=8)
    group: int = Field(32, ge=1)


settings_class = QuantizationSettings


def change(model, settings, examples, seed, report, how=None) -> None:
    """Round to nearest, in place: same dtype, but only 2^bits - 1 values in each group.

    Applies to every matrix of the decoder's layers; embeddings, output layer, norms and biases are
    left alone, as is usual (Zhang et al., "Catastrophic Failure of LLM Unlearning via
    Quantization", 2410.16454).
    """
    import torch

    with torch.no_grad():
        matrices = list(_matrices(model))
        for number, (weight, transposed) in enumerate(matrices, start=1):
            rows = weight.T if transposed else weight
            rounded = rounded_to(rows, settings.bits, settings.group)
            weight.copy_(rounded.T if transposed else rounded)
            report(number, len(matrices))


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


def _matrices(model):
    """Weights of linear maps in the decoder's layers, and whether each is [inputs, outputs]."""
    import torch
    from transformers.pytorch_utils import Conv1D

    from lethe.model.forward import decoder_layers

    for module in decoder_layers(model).modules():
        if isinstance(module, torch.nn.Linear):
            yield module.weight, False
        elif isinstance(module, Conv1D):
            yield module.weight, True
