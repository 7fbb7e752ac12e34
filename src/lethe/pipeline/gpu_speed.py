"""GPUs and the share of their peak that a model of some size reaches, for ``lethe plan``.

The shares were measured on an H200 (docs/benchmarks.md): TOFU's rows in batches of 32, recorded
passes. Small models are bound by launches and by memory, so that they are no slower on a GPU of a
lower peak, of which they reach a larger share.
"""

from dataclasses import dataclass
from math import log

import numpy as np

# FLOP a second of the card that was measured, of a bfloat16 product of 8,192 rows.
MEASURED_PEAK = 770e12
# Weights, and the share of that peak; between them the share is a line over the logarithm of the
# number of weights, and beyond them it is the nearer one.
MEASURED = ((5e6, 0.01), (135e6, 0.07), (1.24e9, 0.26))
# Training adapters of 6.7 billion weights.
ADAPTERS = 0.17
# On a slower GPU large products bound the work. What is reached there was not measured.
MOST = 0.35
# Seconds of a step of generation besides reading the weights: 5.8 to 7.3 ms were measured with 135
# million weights, 4.6 to 6.9 ms with 1.2 billion.
STEP = 5e-3
# Weights of a model that keeps a GPU busy for a tenth of the time at most, so that several jobs may
# share it; and the bytes that each of them takes for CUDA's context and kernels.
SMALL, CONTEXT = 200_000_000, 1e9


@dataclass(frozen=True)
class GPU:
    """Peak 16-bit FLOP a second, memory bandwidth in bytes a second, memory in bytes."""

    flops: float
    bandwidth: float
    memory: float


# From the makers' data sheets, for dense matrices.
GPUS = {
    "h200": GPU(989e12, 4.8e12, 141e9),
    "h100": GPU(989e12, 3.35e12, 80e9),
    "a100": GPU(312e12, 2.04e12, 80e9),
    "a6000": GPU(155e12, 0.768e12, 48e9),
}


def share_of_peak(gpu: GPU, weights: int, adapters: bool = False) -> float:
    """The share of a GPU's peak that steps of a model with so many weights reach."""
    measured = _measured(weights)
    if adapters:
        measured = min(measured, ADAPTERS)
    return min(MOST, measured * MEASURED_PEAK / gpu.flops)


def _measured(weights: int) -> float:
    sizes, shares = zip(*MEASURED, strict=True)
    return float(np.interp(log(weights), [log(size) for size in sizes], shares))
