"""Computes linear layers' matrix products with oneDNN, where MKL leaves half a processor idle.

torch multiplies float32 matrices with MKL, which does not use AVX-512 on AMD processors; oneDNN,
which comes with torch, does (docs/benchmarks.md, "Matrix products").
"""

import platform
from functools import cache
from pathlib import Path

import torch

from lethe.model import attached

# oneDNN compiles code for each new number of rows, which takes megabytes and milliseconds. So it
# only gets multiples of this number; the remaining rows are computed in another way.
STEP = 64
# Multiplications below which a call of oneDNN costs more than it saves.
LEAST = 2**21


class OneDNNLinear(torch.nn.Linear):
    """A linear layer that multiplies with oneDNN where that is faster; same weights and names."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        if not _pays(rows, self.weight):
            return super().forward(rows)
        multiply = Product.apply if torch.is_grad_enabled() else _product
        flat = multiply(rows.reshape(-1, rows.shape[-1]), self.weight)
        out = flat.view(*rows.shape[:-1], flat.shape[-1])
        return out if self.bias is None else out + self.bias


def use_onednn(model: torch.nn.Module) -> None:
    """Let a model's linear layers use oneDNN on processors where it is faster; a no-op elsewhere.

    Layers that other libraries replaced (adapters, quantised weights) stay as they are.
    """
    if not is_faster():
        return
    for module in model.modules():
        if type(module) is torch.nn.Linear:
            attached.become(module, OneDNNLinear)


def undo_onednn(model: torch.nn.Module) -> None:
    """Undo ``use_onednn``."""
    for module in model.modules():
        if type(module) is OneDNNLinear:
            attached.become(module, torch.nn.Linear)


@cache
def is_faster() -> bool:
    """Whether this processor has AVX-512 but MKL does not use it, and oneDNN is available."""
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    there = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return wide and there and "AuthenticAMD" in _maker()


def _maker() -> str:
    """The processor's manufacturer, according to the operating system."""
    info = Path("/proc/cpuinfo")
    return info.read_text() if info.exists() else platform.processor()


def _pays(rows: torch.Tensor, weight: torch.Tensor) -> bool:
    plain = rows.dtype == weight.dtype == torch.float32 and rows.device.type == "cpu"
    count = rows.numel() // weight.shape[1]
    enough = count >= STEP and count * weight.numel() >= LEAST
    return plain and enough and not torch.is_autocast_enabled("cpu")


class Product(torch.autograd.Function):
    """a [T, K], b [N, K] -> a b^T [T, N]."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return _product(a, b)

    @staticmethod
    def backward(ctx, gradient):
        a, b = ctx.saved_tensors
        of_a, of_b = ctx.needs_input_grad
        return (
            Product.apply(gradient, b.t()) if of_a else None,
            Gram.apply(gradient, a) if of_b else None,
        )


class Gram(torch.autograd.Function):
    """a [T, N], b [T, K] -> a^T b [N, K], the sum over T."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return _gram(a, b)

    @staticmethod
    def backward(ctx, gradient):
        a, b = ctx.saved_tensors
        of_a, of_b = ctx.needs_input_grad
        return (
            Product.apply(b, gradient) if of_a else None,
            Product.apply(a, gradient.t()) if of_b else None,
        )


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    whole = len(a) // STEP * STEP
    if whole == len(a):
        return _multiplied(a, b)
    # Copy whichever is narrower: the padded input, or the concatenated output.
    if a.shape[1] < len(b):
        more = torch.nn.functional.pad(a, (0, 0, 0, whole + STEP - len(a)))
        return _multiplied(more, b)[: len(a)]
    return torch.cat([_multiplied(a[:whole], b), a[whole:] @ b.t()])


def _gram(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    whole = len(a) // STEP * STEP
    first, second = a[:whole].t(), b[:whole].t()
    # The first operand is transposed in memory, which is cheaper for the narrower one.
    if len(first) > len(second):
        product = _multiplied(second, first).t().contiguous()
    else:
        product = _multiplied(first, second)
    return product.addmm_(a[whole:].t(), b[whole:])


def _multiplied(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """a b^T for a [M, K] and b [N, K]."""
    return torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")
